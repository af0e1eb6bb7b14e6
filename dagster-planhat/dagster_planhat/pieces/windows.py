"""Weeks and months as the first and last day that the tap reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Days", "WindowSize", "consecutive", "days_of_window", "settings_of", "window_with"]

WindowSize = Literal["week", "month"]

_DAYS_OF_A_WEEK = 7
_MONTHS = 12


@dataclass(frozen=True, order=True)
class Days:
    """Days from the first to the last one, both included."""

    first: date
    last: date

    def until(self, today: date) -> Days | None:
        """The part of these days that has begun; None if none of them has."""
        return Days(self.first, min(self.last, today)) if self.first <= today else None

    @property
    def text(self) -> str:
        """Both days, for people."""
        return f"{self.first} to {self.last}"


def days_of_window(key: str, size: WindowSize) -> Days:
    """The days of a window.

    Args:
        key: The first day of the window, YYYY-MM-DD. Dagster names weeks and months so.
        size: How long it is.

    Raises:
        ValueError: The key is not a day.
    """
    first = date.fromisoformat(key)
    if size == "week":
        return Days(first, first + timedelta(days=_DAYS_OF_A_WEEK - 1))
    year, month = divmod(first.year * _MONTHS + first.month, _MONTHS)
    return Days(first, date(year, month + 1, first.day) - timedelta(days=1))


def window_with(day: date, size: WindowSize) -> Days:
    """The days of the window in which a day is. Weeks begin on Monday."""
    first = day - timedelta(days=day.weekday()) if size == "week" else day.replace(day=1)
    return days_of_window(first.isoformat(), size)


def consecutive(windows: Iterable[Days]) -> list[Days]:
    """Windows in order, joined where one begins on the day after another one. One that is given twice counts once."""
    joined: list[Days] = []
    for window in sorted(windows):
        if joined and window.first <= joined[-1].last + timedelta(days=1):
            joined[-1] = Days(joined[-1].first, max(joined[-1].last, window.last))
        else:
            joined.append(window)
    return joined


def settings_of(days: Days) -> dict[str, str]:
    """The settings of the tap that ask for these days."""
    return {"start_date": days.first.isoformat(), "end_date": days.last.isoformat()}
