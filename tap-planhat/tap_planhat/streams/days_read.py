"""Keeps account of which days were read, and how long after each day it was read last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from planhat_api.values.dates import day_number, day_of
from tap_planhat.streams.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["DaysRead", "Stretch"]


@dataclass(frozen=True)
class Stretch:
    """Days in a row and when they were read.

    Each was read last on the day ``read_on`` or later, and at least ``days_after`` days after itself.
    """

    first: int
    last: int
    read_on: int
    days_after: int = 0

    def settled_until(self, lookback: int) -> int:
        """The last day that was read more than ``lookback`` days after itself, and so when it was over."""
        return self.last if self.days_after > lookback else min(self.last, self.read_on - lookback - 1)

    def parts(self, lookback: int) -> Iterable[Stretch]:
        """The days that need not be read again, then those that must."""
        end = self.settled_until(lookback)
        if end >= self.first:
            yield replace(self, last=end, days_after=max(self.days_after, self.read_on - end))
        if end < self.last:
            yield replace(self, first=max(self.first, end + 1))

    def believed(self, today: int) -> Iterable[Stretch]:
        """The same without readings still to come: a clock that was ahead would leave days settled for good."""
        read_on, end = min(self.read_on, today), min(self.last, today - self.days_after)
        yield Stretch(self.first, end, read_on, self.days_after)
        yield Stretch(max(self.first, end + 1), self.last, read_on)

    def joined(self, later: Stretch, lookback: int) -> Stretch | None:
        """One stretch in place of two; None when there is a gap, or when too little would be known of its days."""
        if self.last + 1 != later.first:
            return None
        both_settled = min(self.days_after, later.days_after) > lookback
        if not both_settled and (self.read_on, self.days_after) != (later.read_on, later.days_after):
            return None
        return Stretch(self.first, later.last, min(self.read_on, later.read_on), min(self.days_after, later.days_after))


class DaysRead:
    """Which days were read. A day is settled once it was read more than the lookback after itself.

    So a day that was read while it was today is read again with any lookback, and so is one that was read too early
    for a lookback that has grown since.

    Args:
        stretches: What is known, the latest reading last. Those that hold no day are passed over.
    """

    def __init__(self, stretches: Iterable[Stretch] = ()) -> None:
        """Take in what is known."""
        self._stretches: list[Stretch] = []
        for stretch in stretches:
            if stretch.first <= stretch.last:
                self._put(stretch)

    @classmethod
    def from_state(cls, told: Iterable[Mapping[str, Any]], today: int) -> DaysRead:
        """What a state tells.

        Args:
            told: As ``to_state`` wrote it.
            today: The day; none was read later.
        """
        stretches = (
            Stretch(
                day_number(date.fromisoformat(each["first_day"])),
                day_number(date.fromisoformat(each["last_day"])),
                day_number(date.fromisoformat(each["read_on"])),
                int(each["days_after"]),
            )
            for each in told
        )
        return cls(part for stretch in stretches for part in stretch.believed(today))

    def to_state(self) -> list[dict[str, Any]]:
        """What a state keeps, in words of JSON."""
        return [
            {
                "first_day": day_of(each.first).isoformat(),
                "last_day": day_of(each.last).isoformat(),
                "read_on": day_of(each.read_on).isoformat(),
                "days_after": each.days_after,
            }
            for each in self._stretches
        ]

    @property
    def last(self) -> int | None:
        """The last day that was read; None when none was."""
        return self._stretches[-1].last if self._stretches else None

    def until(self, last: int) -> DaysRead:
        """The same, without what is known of later days."""
        return DaysRead(replace(each, last=min(each.last, last)) for each in self._stretches)

    def due(self, first: int, last: int, lookback: int, today: int) -> Sequence[Window]:
        """The days to read out of those from ``first`` to ``last``: all that are not settled.

        Those that were read today come last: a run that was stopped goes on where it was, and reads them again only
        when it has read all others.
        """
        others: list[Window] = []
        read_today: list[Window] = []
        day = first
        for each in self._stretches:
            begin, end = max(each.first, first), min(each.last, last)
            if begin > end:
                continue
            _add(others, day, begin - 1)
            _add(read_today if each.read_on >= today else others, max(begin, each.settled_until(lookback) + 1), end)
            day = end + 1
        _add(others, day, last)
        return [*others, *read_today]

    def note(self, window: Window, read_on: int, lookback: int) -> None:
        """Take in that days were read.

        Args:
            window: The days.
            read_on: The day on which reading them began.
            lookback: Days that are settled by it are put together, whatever more is known of some of them: a state has
                to stay small.
        """
        self._put(Stretch(window.first, window.last, read_on))
        kept: list[Stretch] = []
        for part in (part for each in self._stretches for part in each.parts(lookback)):
            joined = kept[-1].joined(part, lookback) if kept else None
            if joined:
                kept[-1] = joined
            else:
                kept.append(part)
        self._stretches = kept

    def _put(self, stretch: Stretch) -> None:
        """Put a stretch in place of all that is known of its days."""
        before = [replace(each, last=min(each.last, stretch.first - 1)) for each in self._stretches]
        after = [replace(each, first=max(each.first, stretch.last + 1)) for each in self._stretches]
        self._stretches = [each for each in (*before, stretch, *after) if each.first <= each.last]


def _add(windows: list[Window], first: int, last: int) -> None:
    """Add days, if there are any, to those that they follow on from."""
    if first > last:
        return
    if windows and windows[-1].last == first - 1:
        first = windows.pop().first
    windows.append(Window(first, last))
