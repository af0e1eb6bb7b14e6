"""Splits a merged row that Planhat rejected, because some of its records may be valid."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

from planhat_api import OutcomeKind
from target_planhat.rows.merging import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from planhat_api import Outcome
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.rows.item import Item

__all__ = ["SplittingSender"]

_MOST_SPLITS = 20
"""How often rejected rows are split. After that, what remains of them is rejected as a whole."""


class SplittingSender:
    """Sends rows. A rejected row that was merged from several records is sent again in halves, in order."""

    def __init__(
        self, send: Callable[[Sequence[Item]], Iterator[ItemOutcomes]], may_wait: Callable[[Item, Outcome], bool]
    ) -> None:
        """Prepare to send.

        Args:
            send: Sends rows of different records.
            may_wait: Whether a rejected row can be stored later, so that it must not be split.
        """
        self._send = send
        self._may_wait = may_wait
        self._splits = 0

    def send(self, items: Sequence[Item]) -> Iterator[ItemOutcomes]:
        """Send rows of different records.

        Yields:
            Rows with their outcomes. Instead of a row that was split, its parts are returned.
        """
        yield from self.follow(self._send(items))

    def follow(self, sending: Iterable[ItemOutcomes]) -> Iterator[ItemOutcomes]:
        """Hand on the outcomes of rows that are being sent, and send rejected rows again in halves.

        Args:
            sending: Sends the rows, and yields them with their outcomes.

        Yields:
            As for ``send``.
        """
        refused: list[Item] = []
        for rows, outcomes in sending:
            if not any(item.parts for item in rows) or self._splits >= _MOST_SPLITS:
                yield rows, outcomes
                continue
            split = [
                item.parts and self._is_refused(item, outcome) for item, outcome in zip(rows, outcomes, strict=True)
            ]
            refused += compress(rows, split)
            kept = [not is_split for is_split in split]
            yield list(compress(rows, kept)), list(compress(outcomes, kept))
        if refused:
            self._splits += 1
            yield from self.send([merged(item.parts[: len(item.parts) // 2]) for item in refused])
            yield from self.send([merged(item.parts[len(item.parts) // 2 :]) for item in refused])

    def _is_refused(self, item: Item, outcome: Outcome) -> bool:
        return outcome.kind is OutcomeKind.REJECTED and not self._may_wait(item, outcome)
