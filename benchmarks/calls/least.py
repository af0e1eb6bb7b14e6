"""The fewest calls that a read or a write can take, by arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LARGEST_UPSERT = 5_000
"""Rows of one bulk upsert (B13)."""


@dataclass(frozen=True)
class Held:
    """One pass over a list: what one set of parameters returns.

    Attributes:
        stream: The stream that is read with this pass.
        rows: Rows that the pass returns.
        size: Most rows of one call (B26); None if the list has no pages.
        stamped: Whether rows show when they changed, and the list can be sorted by it.
        changed: Rows that changed since the last run.
        unstamped: Rows that do not show when they changed, although others do.
        missed: Rows that somebody who read the stream did not get.
    """

    stream: str
    rows: int
    size: int | None
    stamped: bool = False
    changed: int = 0
    unstamped: int = 0
    missed: int = 0

    @property
    def calls(self) -> int:
        """The fewest calls that return all rows. To learn that there are none takes one."""
        return pages(self.rows, self.size)

    @property
    def proof(self) -> int:
        """One call that shows the end of a list with pages. A list without rows shows it with its only call."""
        return int(self.size is not None and self.rows > 0)

    @property
    def news(self) -> int:
        """The fewest calls that return what changed and prove that nothing else did.

        With stamps these are the pages with changed rows, at least one, and a look at the other end of the list, which
        shows that the order is kept and brings the rows without a stamp. Where that is not cheaper, and without stamps,
        all rows are read. So they are if one call does not bring all rows without a stamp: these are equal in the
        order of the list, and it is not known whether equal rows keep their places from call to call (Q22).
        """
        if not self.stamped or (self.size is not None and self.unstamped >= self.size):
            return self.calls
        return min(self.calls, pages(self.changed, self.size) + 1)

    @property
    def for_missed(self) -> int:
        """The part of ``calls`` that the missed rows need. Somebody who missed all rows did not make the pass."""
        if not self.missed:
            return 0
        return self.calls - (pages(self.rows - self.missed, self.size) if self.missed < self.rows else 0)


def pages(rows: int, size: int | None) -> int:
    """Calls that return so many rows; one even if there are none."""
    return 1 if size is None else max(1, ceil(rows / size))


def full(passes: Iterable[Held]) -> int:
    """The fewest calls that return all rows of some passes."""
    return sum(each.calls for each in passes)


def proofs(passes: Iterable[Held]) -> int:
    """One call for each pass that has rows and whose end has to be proven."""
    return sum(each.proof for each in passes)


def news(passes: Iterable[Held]) -> int:
    """The fewest calls that return what changed in some passes and prove that nothing else did."""
    return sum(each.news for each in passes)


def for_missed(passes: Iterable[Held]) -> int:
    """Calls among the fewest that only missed rows need."""
    return sum(each.for_missed for each in passes)


def blind_writes(rows: Mapping[str, int]) -> int:
    """The fewest calls that send so many rows of each model."""
    return sum(ceil(count / LARGEST_UPSERT) for count in rows.values())


def writes(looked_at: Iterable[Held], changed: Mapping[str, int]) -> int:
    """The fewest calls that look at some models and send the changed rows of each."""
    return full(looked_at) + blind_writes(changed)
