"""Delivers rows that Planhat adds each time they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from planhat_api import OutcomeKind, analytics
from planhat_api.outcome import NOT_SENT
from target_planhat.delivery.resending import RepeatPolicy, deliver_rows
from target_planhat.delivery.sent.replayed import entry_of, without_replayed_items
from target_planhat.delivery.ways.delivery import Delivery
from target_planhat.plan.plan import PLANNED

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from planhat_api import PlanhatError, Row, SendResult
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.resending import Send
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.rows.item import Item

__all__ = ["AddedRows"]

_MOST_REPEATS = 3
"""How often rows that may have arrived are sent again, if the settings allow it."""


class AddedRows(Delivery):
    """Delivers rows with one method of the client."""

    def __init__(
        self,
        push: Send,
        context: DeliveryContext,
        logger: logging.Logger,
        *,
        most_at_once: int = analytics.ROWS_PER_CALL,
    ) -> None:
        """Prepare to send.

        Args:
            push: Sends rows once.
            context: Its settings decide whether rows that may have arrived are sent again.
            logger: Logger of the stream.
            most_at_once: Rows that are sent between two notes in the delivery ledger.
        """
        self._push = push
        self._plan = context.plan
        self._ledger = context.ledger
        self._most_at_once = most_at_once
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
        fresh, known = without_replayed_items(items, self._ledger)
        yield from known
        for start in range(0, len(fresh), self._most_at_once):
            some = fresh[start : start + self._most_at_once]
            yield from deliver_rows(some, self._push_noted, self._repeats, self._logger)

    def _push_noted(self, rows: Sequence[Row]) -> SendResult:
        """Send rows, and note them in the delivery ledger before and after."""
        if not self._ledger.is_kept:
            return self._push(rows)
        call = self._ledger.begin([entry_of(cast("Item", row)) for row in rows])
        result = self._push(rows)
        # Rows that are sent again anyway get a note of their own.
        again = self._repeats.is_safe if result.error is not None else None
        outcomes = [
            NOT_SENT if again is not None and outcome.kind is OutcomeKind.LOST and again(row) else outcome
            for row, outcome in zip(rows, result.outcomes, strict=True)
        ]
        self._ledger.end(call, outcomes)
        return result

    def _log_repeat(self, number: int, err: PlanhatError) -> None:
        self._logger.warning("Sending %s rows again, so that some may count twice: %s", number, err)
