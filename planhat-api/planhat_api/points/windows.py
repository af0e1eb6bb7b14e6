"""Groups days into ranges that take few calls to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ROWS_PER_PAGE", "Window", "windows"]

ROWS_PER_PAGE = 100_000
"""The most points in one answer (B16, B26)."""


class Window(NamedTuple):
    """A range of days, counted since 1970-01-01. Both belong to it."""

    first: int
    last: int

    def __contains__(self, day: object) -> bool:
        """Whether a day belongs to the range."""
        return isinstance(day, int) and self.first <= day <= self.last


def windows(days: Iterable[int], points_per_day: float) -> list[Window]:
    """Ranges that contain these days.

    A new range begins where the days between hold about as many points as one answer, because then reading them would
    take a call more.

    Args:
        days: The days, in any order.
        points_per_day: How many points the metric holds for a day, roughly.
    """
    longest_gap = ROWS_PER_PAGE / max(points_per_day, 1)
    found: list[Window] = []
    for day in sorted(set(days)):
        if found and day - found[-1].last <= longest_gap:
            found[-1] = Window(found[-1].first, day)
        else:
            found.append(Window(day, day))
    return found
