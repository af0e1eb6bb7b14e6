"""Cuts spans of days into windows whose size follows the rows they hold."""

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
class Window:
    """Days from ``first`` to ``last``, both included, as days since 1970-01-01 (B41)."""

    first: int
    last: int


class Windows:
    """Walks through spans of days, each day once.

    A window of few pages is followed by a larger one, since the calls that find the end of each are lost; one of many
    pages by a smaller one, so that no offset grows large and little is read again after a stop.

    Args:
        spans: The days, in the order in which they are to be read; none twice.
        days: Days of the first window.
        page_size: Rows of a full page.
    """

    def __init__(self, spans: Sequence[Window], *, days: int, page_size: int) -> None:
        """Stand before the first day."""
        self._spans = list(spans)
        self._left = self._total = sum(span.last - span.first + 1 for span in spans)
        self._days = days
        self._page_size = page_size

    def next(self) -> Window | None:
        """The next window; None when every day was had."""
        if not self._spans:
            return None
        span = self._spans.pop(0)
        window = Window(span.first, min(span.first + self._days - 1, span.last))
        if window.last < span.last:
            self._spans.insert(0, Window(window.last + 1, span.last))
        self._left -= window.last - window.first + 1
        return window

    def held(self, rows: int) -> None:
        """Tell how many rows the last window held."""
        pages = rows / self._page_size
        if pages < _ENOUGH_PAGES:
            growth = min(_MOST_GROWTH, _ENOUGH_PAGES / pages) if pages else _MOST_GROWTH
            self._days = min(int(self._days * growth), _MOST_DAYS)
        elif pages > _MANY_PAGES:
            self._days = max(int(self._days * _ENOUGH_PAGES / pages), 1)

    def remaining(self) -> float:
        """Share of the days not handed out yet."""
        return self._left / max(self._total, 1)
