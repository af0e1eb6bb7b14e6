"""Divides days into windows whose size depends on the number of rows in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_WINDOW_DAYS = 7
"""Days of a first window, when it is not known yet how many rows a day holds."""

_MOST_DAYS = 366
_ENOUGH_PAGES = 25
_MANY_PAGES = 50
_MOST_GROWTH = 4


@dataclass(frozen=True)
class DayWindow:
    """Days from ``first`` to ``last``, both included, counted since 1970-01-01 (B41)."""

    first: int
    last: int


class DayWindows:
    """Walks through spans of days, each day once.

    After a window with few pages, the next one is larger, because finding the end of each window costs calls. After a
    window with many pages, the next one is smaller, so that offsets stay small and little is read again after an
    interruption.

    Args:
        spans: The days in the order in which to read them; no day twice.
        days: Number of days in the first window.
        page_size: Rows of a full page.
    """

    def __init__(self, spans: Sequence[DayWindow], *, days: int, page_size: int) -> None:
        """Start before the first day."""
        self._spans = list(spans)
        self._left = self._total = sum(span.last - span.first + 1 for span in spans)
        self._days = days
        self._page_size = page_size

    def next(self) -> DayWindow | None:
        """The next window; None after the last day."""
        if not self._spans:
            return None
        span = self._spans.pop(0)
        window = DayWindow(span.first, min(span.first + self._days - 1, span.last))
        if window.last < span.last:
            self._spans.insert(0, DayWindow(window.last + 1, span.last))
        self._left -= window.last - window.first + 1
        return window

    def adjust_size(self, rows: int) -> None:
        """Adjust the size of the next window to the number of rows in the last one."""
        pages = rows / self._page_size
        if pages < _ENOUGH_PAGES:
            growth = min(_MOST_GROWTH, _ENOUGH_PAGES / pages) if pages else _MOST_GROWTH
            self._days = min(int(self._days * growth), _MOST_DAYS)
        elif pages > _MANY_PAGES:
            self._days = max(int(self._days * _ENOUGH_PAGES / pages), 1)

    def remaining(self) -> float:
        """Share of the days that no window contained yet."""
        return self._left / max(self._total, 1)
