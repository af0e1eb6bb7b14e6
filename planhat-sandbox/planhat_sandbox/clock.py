"""The clock of the sandbox, with the real day or a chosen one."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone

__all__ = ["EPOCH", "Clock", "day_number", "iso", "iso_day"]

EPOCH = date(1970, 1, 1)


def iso(moment: datetime) -> str:
    """A UTC date with time in the form of Planhat, with milliseconds and Z (B40)."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def iso_day(day: int) -> str:
    """The start of a day, given in days since 1970-01-01, in ISO form."""
    return f"{EPOCH + timedelta(days=day)}T00:00:00.000Z"


def day_number(day: date) -> int:
    """Days since 1970-01-01 (B41)."""
    return (day - EPOCH).days


class Clock:
    """A clock. With a chosen day, it starts at noon of that day and runs on."""

    def __init__(self, today: date | None = None) -> None:
        """Start the clock on a day; None for the real one."""
        start = datetime.now(timezone.utc)
        if today is not None:
            start = datetime(today.year, today.month, today.day, 12, tzinfo=timezone.utc)
        self._start = start
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The present time in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._started)

    def stamp(self) -> str:
        """The present time in the form of Planhat."""
        return iso(self.now())

    def today(self) -> int:
        """The present day, in days since 1970-01-01."""
        return day_number(self.now().date())
