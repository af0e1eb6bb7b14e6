"""The clock of the sandbox, with the real day or a chosen one. Tests can stop it and move it forward."""

from __future__ import annotations

import math
import time
from datetime import date, datetime, timedelta, timezone
from threading import Lock

__all__ = ["EPOCH", "Clock", "ClockError", "day_number", "iso", "iso_day"]

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


class ClockError(ValueError):
    """The clock cannot be moved by this."""


class Clock:
    """A clock that never goes back. With a chosen day, it starts at noon of that day. Thread-safe."""

    def __init__(self, today: date | None = None, *, frozen: bool = False) -> None:
        """Start the clock.

        Args:
            today: The day it starts on; None for the real time.
            frozen: Whether it moves only by ``advance``.
        """
        start = time.time()
        if today is not None:
            start = datetime(today.year, today.month, today.day, 12, tzinfo=timezone.utc).timestamp()
        self._lock = Lock()
        # The clock showed `_shown` at the monotonic time `_since`.
        self._shown = start
        self._since = time.monotonic()
        self._frozen = frozen

    def seconds(self) -> float:
        """The present time in seconds since 1970-01-01 (UTC)."""
        with self._lock:
            return self._now()

    def now(self) -> datetime:
        """The present time in UTC."""
        return datetime.fromtimestamp(self.seconds(), timezone.utc)

    def stamp(self) -> str:
        """The present time in the form of Planhat."""
        return iso(self.now())

    def today(self) -> int:
        """The present day, in days since 1970-01-01."""
        return day_number(self.now().date())

    @property
    def frozen(self) -> bool:
        """Whether the clock moves only by ``advance``."""
        with self._lock:
            return self._frozen

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop the clock at the present time, or let it run on."""
        with self._lock:
            self._shown, self._since = self._now(), time.monotonic()
            self._frozen = frozen

    def advance(self, seconds: float) -> float:
        """Move the clock forward. Returns the time after it, in seconds since 1970-01-01 (UTC).

        Raises:
            ClockError: The number is negative or not finite.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            message = "The clock advances by a number of seconds."
            raise ClockError(message)
        if not math.isfinite(seconds) or seconds < 0:
            message = f"The clock advances by 0 seconds or more, not by {seconds}."
            raise ClockError(message)
        with self._lock:
            self._shown += seconds
            return self._now()

    def _now(self) -> float:
        return self._shown + (0 if self._frozen else time.monotonic() - self._since)
