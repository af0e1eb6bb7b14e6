"""Delivers rows that Planhat adds each time they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.resending import Repeats, deliver_rows
from target_planhat.delivery.ways.delivery import Delivery

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from planhat_api import PlanhatError
    from target_planhat.delivery.resending import Send
    from target_planhat.delivery.settled import Settled
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.rows.item import Item

__all__ = ["AddedRows"]

_MOST_REPEATS = 3
"""How often rows are sent again that may have arrived, if the settings want that."""


class AddedRows(Delivery):
    """Rows that are sent by one method of the client."""

    def __init__(self, push: Send, context: DeliveryContext, logger: logging.Logger) -> None:
        """Send nothing yet.

        Args:
            push: Sends rows once.
            context: Its settings say whether rows that may have arrived are sent again.
            logger: Where people read.
        """
        self._push = push
        self._logger = logger
        repeats = context.settings.on_uncertain_delivery == "resend"
        self._repeats = Repeats(_MOST_REPEATS, lambda _: repeats, self._notice)

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """Send the rows."""
        del distinct
        return deliver_rows(items, self._push, self._repeats, self._logger)

    def _notice(self, number: int, err: PlanhatError) -> None:
        self._logger.warning("Sending %s rows again, some may count twice: %s", number, err)
