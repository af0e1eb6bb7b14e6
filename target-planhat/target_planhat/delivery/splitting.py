"""Sends the records of a row on their own when Planhat refused the row that they were made: some may be good."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

from planhat_api import Fate
from target_planhat.rows.merging import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import Outcome
    from target_planhat.delivery.settled import Settled
    from target_planhat.rows.item import Item

__all__ = ["PartsSender"]

_MOST_SPLITS = 20
"""How often refused rows are split before what is left of them is rejected as one."""


class PartsSender:
    """Sends rows. Those made of several records that are refused are sent again in halves, the earlier one first."""

    def __init__(
        self, send: Callable[[Sequence[Item]], Iterator[Settled]], may_wait: Callable[[Item, Outcome], bool]
    ) -> None:
        """Send nothing yet.

        Args:
            send: Sends rows that are different records.
            may_wait: Whether a row is not refused for good, and is to stay as it is.
        """
        self._send = send
        self._may_wait = may_wait
        self._splits = 0

    def send(self, items: Sequence[Item]) -> Iterator[Settled]:
        """Send rows that are different records.

        Yields:
            Rows with their outcomes; a row that was split comes as the rows it became.
        """
        refused: list[Item] = []
        for rows, outcomes in self._send(items):
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
        return outcome.fate is Fate.REJECTED and not self._may_wait(item, outcome)
