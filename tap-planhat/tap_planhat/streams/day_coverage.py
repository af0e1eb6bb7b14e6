"""Knows which days of dimension data were read, and how long after each day it was last read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from planhat_api.values.dates import day_number, day_of
from tap_planhat.streams.day_windows import DayWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["DayCoverage", "ReadSpan"]


@dataclass(frozen=True)
class ReadSpan:
    """Consecutive days that were read at the same time.

    Each day was last read on the day ``read_on`` or later, and at least ``days_after`` days after the day itself.
    """

    first: int
    last: int
    read_on: int
    days_after: int = 0

    def settled_until(self, lookback: int) -> int:
        """The last settled day: it was read more than ``lookback`` days after itself, so its values are final."""
        return self.last if self.days_after > lookback else min(self.last, self.read_on - lookback - 1)

    def split(self, lookback: int) -> Iterable[ReadSpan]:
        """The settled days, then the days that have to be read again."""
        end = self.settled_until(lookback)
        if end >= self.first:
            yield replace(self, last=end, days_after=max(self.days_after, self.read_on - end))
        if end < self.last:
            yield replace(self, first=max(self.first, end + 1))

    def without_future_reads(self, today: int) -> Iterable[ReadSpan]:
        """The same days, none read after today: after a run with a wrong clock, days would stay settled forever."""
        read_on, end = min(self.read_on, today), min(self.last, today - self.days_after)
        yield ReadSpan(self.first, end, read_on, self.days_after)
        yield ReadSpan(max(self.first, end + 1), self.last, read_on)

    def merged_with(self, later: ReadSpan, lookback: int) -> ReadSpan | None:
        """One span for both; None if there is a gap between them, or if the merged span would lose information."""
        if self.last + 1 != later.first:
            return None
        both_settled = min(self.days_after, later.days_after) > lookback
        if not both_settled and (self.read_on, self.days_after) != (later.read_on, later.days_after):
            return None
        return ReadSpan(
            self.first, later.last, min(self.read_on, later.read_on), min(self.days_after, later.days_after)
        )


class DayCoverage:
    """Which days were read. A day is settled when it was read more than the lookback after itself.

    So a day that was read on the same day is always read again, and so is a day that was read too early for a lookback
    that was increased later.

    Args:
        spans: The spans that were read, the latest read last. Empty spans are ignored.
    """

    def __init__(self, spans: Iterable[ReadSpan] = ()) -> None:
        """Add the spans."""
        self._spans: list[ReadSpan] = []
        for span in spans:
            if span.first <= span.last:
                self._replace(span)

    @classmethod
    def from_state(cls, entries: Iterable[Mapping[str, Any]], today: int) -> DayCoverage:
        """Read the coverage from a state.

        Args:
            entries: The entries that ``to_state`` wrote.
            today: The present day; no day counts as read later.
        """
        spans = (
            ReadSpan(
                day_number(date.fromisoformat(each["first_day"])),
                day_number(date.fromisoformat(each["last_day"])),
                day_number(date.fromisoformat(each["read_on"])),
                int(each["days_after"]),
            )
            for each in entries
        )
        return cls(part for span in spans for part in span.without_future_reads(today))

    def to_state(self) -> list[dict[str, Any]]:
        """The entries for a state, as JSON values."""
        return [
            {
                "first_day": day_of(each.first).isoformat(),
                "last_day": day_of(each.last).isoformat(),
                "read_on": day_of(each.read_on).isoformat(),
                "days_after": each.days_after,
            }
            for each in self._spans
        ]

    @property
    def last(self) -> int | None:
        """The last day that was read; None if no day was read."""
        return self._spans[-1].last if self._spans else None

    def unread(self, windows: Sequence[DayWindow]) -> int:
        """How many of these days were never read."""
        days = sum(window.last - window.first + 1 for window in windows)
        read = (
            min(each.last, window.last) - max(each.first, window.first) + 1
            for window in windows
            for each in self._spans
        )
        return days - sum(number for number in read if number > 0)

    def limited_to(self, last: int) -> DayCoverage:
        """The coverage without days after ``last``."""
        return DayCoverage(replace(each, last=min(each.last, last)) for each in self._spans)

    def days_to_read(self, first: int, last: int, lookback: int, today: int) -> Sequence[DayWindow]:
        """The days from ``first`` to ``last`` that are not settled.

        Days that were read today come last. So a run after an interrupted one continues where that stopped, and reads
        these days again only after all others.
        """
        others: list[DayWindow] = []
        read_today: list[DayWindow] = []
        day = first
        for each in self._spans:
            begin, end = max(each.first, first), min(each.last, last)
            if begin > end:
                continue
            _add(others, day, begin - 1)
            _add(read_today if each.read_on >= today else others, max(begin, each.settled_until(lookback) + 1), end)
            day = end + 1
        _add(others, day, last)
        return [*others, *read_today]

    def mark_read(self, window: DayWindow, read_on: int, lookback: int) -> None:
        """Note that days were read.

        Args:
            window: The days.
            read_on: The day on which reading them began.
            lookback: Days that are settled with this lookback are merged, even if details are lost, because a state has
                to stay small.
        """
        self._replace(ReadSpan(window.first, window.last, read_on))
        kept: list[ReadSpan] = []
        for part in (part for each in self._spans for part in each.split(lookback)):
            joined = kept[-1].merged_with(part, lookback) if kept else None
            if joined:
                kept[-1] = joined
            else:
                kept.append(part)
        self._spans = kept

    def _replace(self, span: ReadSpan) -> None:
        """Add a span in place of everything known about its days."""
        before = [replace(each, last=min(each.last, span.first - 1)) for each in self._spans]
        after = [replace(each, first=max(each.first, span.last + 1)) for each in self._spans]
        self._spans = [each for each in (*before, span, *after) if each.first <= each.last]


def _add(windows: list[DayWindow], first: int, last: int) -> None:
    """Add days to the last window if they follow it directly, else as a new window."""
    if first > last:
        return
    if windows and windows[-1].last == first - 1:
        first = windows.pop().first
    windows.append(DayWindow(first, last))
