"""Divides days into windows whose size depends on the number of rows in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIRST_DAYS = 7
"""Days of the first window, if it is not known how many rows a day holds."""
_MOST_DAYS = 366
_PAGES_IN_ORDER = 25
_PAGES_IN_NO_ORDER = 5
"""If rows come in no order, their ids are kept until the end of the window, 100 bytes each."""
_MOST_GROWTH = 12


@dataclass(frozen=True)
class DayWindow:
    """Days from ``first`` to ``last``, both included, counted since 1970-01-01 (B41)."""

    first: int
    last: int


class DayWindows:
    """Walks through spans of days, each day once.

    Windows are so large that few calls find their ends, and so small that offsets stay small, and that little is read
    again after an interruption.

    Args:
        spans: The days in the order in which to read them; no day twice.
        rows_per_day: Rows of a day, as an earlier run counted them; None if no one did.
        page_size: Rows of a full page.
        in_order: Whether rows come in the order of their ids, as far as an earlier run found out.

    Attributes:
        rows_per_day: Rows of a day in the last window, rounded up.
        in_order: Whether the rows of the last window came in the order of their ids.
    """

    def __init__(self, spans: Sequence[DayWindow], *, rows_per_day: int | None, page_size: int, in_order: bool) -> None:
        """Start before the first day."""
        self._spans = list(spans)
        self._left = self._total = sum(span.last - span.first + 1 for span in spans)
        self._page_size = page_size
        self.rows_per_day = rows_per_day
        self.in_order = in_order
        self._days = _FIRST_DAYS if rows_per_day is None else self._days_for(rows_per_day)
        self._last_days = 0

    def next(self) -> DayWindow | None:
        """The next window; None after the last day."""
        if not self._spans:
            return None
        span = self._spans.pop(0)
        window = DayWindow(span.first, min(span.first + self._days - 1, span.last))
        if window.last < span.last:
            self._spans.insert(0, DayWindow(window.last + 1, span.last))
        self._last_days = window.last - window.first + 1
        self._left -= self._last_days
        return window

    def adjust_size(self, rows: int, *, in_order: bool, page_rows: int | None = None) -> None:
        """Adjust the size of the next window to the rows in the last one.

        It grows only step by step, because later days may hold many more rows.

        Args:
            rows: Their number.
            in_order: Whether they came in the order of their ids.
            page_rows: The most rows of one answer, if it is known, and smaller than requested.
        """
        self._page_size = min(self._page_size, page_rows or self._page_size)
        if rows:
            self.in_order = in_order
        self.rows_per_day = -(-rows // self._last_days)
        self._days = min(self._days_for(self.rows_per_day), self._days * _MOST_GROWTH)

    def remaining(self) -> float:
        """Share of the days that no window contained yet."""
        return self._left / max(self._total, 1)

    def _days_for(self, rows_per_day: int) -> int:
        pages = _PAGES_IN_ORDER if self.in_order else _PAGES_IN_NO_ORDER
        most = pages * self._page_size // rows_per_day if rows_per_day > 0 else _MOST_DAYS
        return max(1, min(most, _MOST_DAYS))
