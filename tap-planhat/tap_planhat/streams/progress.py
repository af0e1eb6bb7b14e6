"""Tells a person how far the reading of a stream is."""

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
    """What a read of the latest changes looked for.

    Attributes:
        since: The moment from which rows count as changed.
        looked_at: Rows that were looked at, those that did not change among them.
    """

    since: datetime
    looked_at: int


class Progress:
    """Counts rows and pages of one stream, with a line in the log every half minute.

    Args:
        logger: The stream's logger.
        stream: Its name.
        remaining: Share of the work still to do, 0 to 1, where the stream can know it; None where it cannot.
        clock: Seconds, monotonic.
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
        self._started = self._told = clock()

    def page(self, rows: int) -> None:
        """Count one page.

        Args:
            rows: Rows of it that are passed on.
        """
        self.rows += rows
        self.pages += 1
        now = self._clock()
        if now - self._told >= _INTERVAL:
            self._told = now
            self._logger.info("%s: %s so far%s", self._stream, self._figures(now), self._time_left(now))

    def done(self, changes: Changed | None = None) -> None:
        """Tell the final figures.

        Args:
            changes: What was looked for, where not all rows are passed on.
        """
        now = self._clock()
        if changes is None:
            self._logger.info("Done: %s, %s", self._stream, self._figures(now))
            return
        self._logger.info(
            "Done: %s, %s changed since %s, of %s looked at",
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
