"""Says when rows fill a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api import Row

__all__ = ["CallLimit", "size_of"]

_Row = TypeVar("_Row", bound="Row")
_NEARLY = 0.9
"""The part of a full call from which on rows do not wait for more rows, because then they must be compared again."""


def size_of(row: Row) -> int:
    """The bytes of a row in a call, with a comma."""
    return len(row.body) + 1


@dataclass(frozen=True)
class CallLimit:
    """The most rows of one call.

    Attributes:
        rows: Their number at most.
        size: Bytes of the rows at most.
    """

    rows: int
    size: int

    def is_nearly_reached(self, rows: Sequence[Row]) -> bool:
        """Whether rows fill most of a call."""
        return len(rows) >= _NEARLY * self.rows or sum(map(size_of, rows)) >= _NEARLY * self.size

    def full_calls(self, rows: Sequence[_Row]) -> tuple[list[list[_Row]], list[_Row]]:
        """Split rows into those of full calls and those that fill no call. They keep their order."""
        calls: list[list[_Row]] = []
        rest: list[_Row] = []
        size = 0
        for row in rows:
            size += size_of(row)
            if rest and size > self.size:
                calls.append(rest)
                rest, size = [], size_of(row)
            rest.append(row)
            if len(rest) >= self.rows or size >= self.size:
                calls.append(rest)
                rest, size = [], 0
        return calls, rest
