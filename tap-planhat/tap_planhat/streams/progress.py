"""Logs the progress of reading a stream."""

from __future__ import annotations

import time
from datetime import datetime  # noqa: TC003 - annotations of a tuple are evaluated
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

_INTERVAL = 30.0
_MINUTE = 60
_HOUR = 3600


class Changed(NamedTuple):
    """What an incremental read looked for.

    Attributes:
        since: The time from which rows count as changed.
        looked_at: Number of rows that were read, changed or not.
    """

    since: datetime
    looked_at: int


class Progress:
    """Counts rows and pages of one stream, and logs them every half minute.

    Args:
        logger: The stream's logger.
        stream: Name of the stream.
        remaining: Returns the share of the work that is left, 0 to 1; None if the stream cannot know it.
        clock: Monotonic clock in seconds.
    """

    def __init__(
        self,
        logger: logging.Logger,
        stream: str,
        *,
        remaining: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock."""
        self.rows = 0
        self.pages = 0
        self._logger = logger
        self._stream = stream
        self._remaining = remaining
        self._clock = clock
        self._started = self._logged_at = clock()

    def page(self, rows: int) -> None:
        """Count one page.

        Args:
            rows: Number of its rows that are emitted.
        """
        self.rows += rows
        self.pages += 1
        now = self._clock()
        if now - self._logged_at >= _INTERVAL:
            self._logged_at = now
            self._logger.info("%s: %s so far%s", self._stream, self._figures(now), self._time_left(now))

    def done(self, changes: Changed | None = None) -> None:
        """Log the final figures.

        Args:
            changes: What an incremental read looked for; None if all rows were read.
        """
        now = self._clock()
        if changes is None:
            self._logger.info("Done: %s, %s", self._stream, self._figures(now))
            return
        self._logger.info(
            "Done: %s, %s rows changed since %s, of %s rows read",
            self._stream,
            f"{self.rows:,}",
            f"{changes.since:%Y-%m-%d %H:%M:%S} UTC",
            f"{changes.looked_at:,}",
        )

    def _figures(self, now: float) -> str:
        elapsed = max(now - self._started, 1e-9)
        return f"{self.rows:,} rows in {self.pages:,} pages, {self.rows / elapsed:,.0f} rows/s"

    def _time_left(self, now: float) -> str:
        if self._remaining is None:
            return ""
        remaining = self._remaining()
        if not 0 < remaining < 1:
            return ""
        left = (now - self._started) * remaining / (1 - remaining)
        return f"; {1 - remaining:.0%} done, about {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.1f} hours"
    if seconds >= _MINUTE:
        return f"{seconds / _MINUTE:.0f} minutes"
    return f"{seconds:.0f} seconds"
