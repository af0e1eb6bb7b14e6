"""Delivers rows that Planhat adds each time they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.resending import RepeatPolicy, deliver_rows
from target_planhat.delivery.ways.delivery import Delivery
from target_planhat.plan.plan import PLANNED

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from planhat_api import PlanhatError
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.resending import Send
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.rows.item import Item

__all__ = ["AddedRows"]

_MOST_REPEATS = 3
"""How often rows that may have arrived are sent again, if the settings allow it."""


class AddedRows(Delivery):
    """Delivers rows with one method of the client."""

    def __init__(self, push: Send, context: DeliveryContext, logger: logging.Logger) -> None:
        """Prepare to send.

        Args:
            push: Sends rows once.
            context: Its settings decide whether rows that may have arrived are sent again.
            logger: Logger of the stream.
        """
        self._push = push
        self._plan = context.plan
        self._logger = logger
        repeats = context.settings.on_uncertain_delivery == "resend"
        self._repeats = RepeatPolicy(_MOST_REPEATS, lambda _: repeats, self._log_repeat)

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[ItemOutcomes]:
        """Send the rows, or add them to the plan."""
        del distinct
        if self._plan is not None:
            self._plan.add_rows_without_key(items)
            yield items, [PLANNED] * len(items)
            return
        yield from deliver_rows(items, self._push, self._repeats, self._logger)

    def _log_repeat(self, number: int, err: PlanhatError) -> None:
        self._logger.warning("Sending %s rows again, so that some may count twice: %s", number, err)
