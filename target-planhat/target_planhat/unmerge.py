"""Sends the records of a row on their own when Planhat refused the row that they were made: some may be good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.collapse import merged
from target_planhat.fates import Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_planhat.fates import Verdict
    from target_planhat.row import Item

    Settled = tuple[Sequence[Item], Sequence[Verdict]]

__all__ = ["PartsSender"]

_MOST_SPLITS = 20
"""How often refused rows are split before what is left of them is rejected as one."""


class PartsSender:
    """Sends rows. Those made of several records that are refused are sent again in halves, the earlier one first."""

    def __init__(self, send: Callable[[Sequence[Item]], Iterator[Settled]]) -> None:
        """Send nothing yet.

        Args:
            send: Sends rows that are different records.
        """
        self._send = send
        self._splits = 0

    def send(self, items: Sequence[Item]) -> Iterator[Settled]:
        """Send rows that are different records.

        Yields:
            Rows with their verdicts; a row that was split comes as the rows it became.
        """
        refused: list[Item] = []
        for rows, verdicts in self._send(items):
            if not any(item.parts for item in rows) or self._splits >= _MOST_SPLITS:
                yield rows, verdicts
                continue
            pairs = list(zip(rows, verdicts, strict=True))
            kept = [pair for pair in pairs if not (pair[0].parts and pair[1].kind is Verdicts.REJECTED)]
            refused += [item for item, verdict in pairs if item.parts and verdict.kind is Verdicts.REJECTED]
            yield [item for item, _ in kept], [verdict for _, verdict in kept]
        if refused:
            self._splits += 1
            yield from self.send([merged(item.parts[: len(item.parts) // 2]) for item in refused])
            yield from self.send([merged(item.parts[len(item.parts) // 2 :]) for item in refused])
