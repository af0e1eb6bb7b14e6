"""Days as Planhat counts them: whole days since 1970-01-01 (B41), those of UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

__all__ = ["EPOCH", "FIRST_DAY", "LAST_DAY", "day_number", "day_of", "today"]

EPOCH = date(1970, 1, 1)
FIRST_DAY, LAST_DAY = (date.min - EPOCH).days, (date.max - EPOCH).days
"""The days that can be told as dates."""


def today() -> int:
    """Today's day number in UTC."""
    return day_number(datetime.now(timezone.utc).date())


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=number)
