"""Time as the sandbox tells it: real, or standing on a chosen day."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone

__all__ = ["EPOCH", "Clock", "day_number", "iso", "iso_day"]

EPOCH = date(1970, 1, 1)


def iso(moment: datetime) -> str:
    """A UTC moment the way Planhat writes it, with milliseconds and Z (B40)."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def iso_day(day: int) -> str:
    """The start of an epoch day in ISO form."""
    return f"{EPOCH + timedelta(days=day)}T00:00:00.000Z"


def day_number(day: date) -> int:
    """Days since 1970-01-01 (B41)."""
    return (day - EPOCH).days


class Clock:
    """Tells the time; with a chosen day it starts at noon of that day and runs on from there."""

    def __init__(self, today: date | None = None) -> None:
        """Args: today: Day to stand on; None is the real one."""
        start = datetime.now(timezone.utc)
        if today is not None:
            start = datetime(today.year, today.month, today.day, 12, tzinfo=timezone.utc)
        self._start = start
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The moment, in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._started)

    def stamp(self) -> str:
        """The moment in Planhat's form."""
        return iso(self.now())

    def today(self) -> int:
        """The epoch day."""
        return day_number(self.now().date())
