"""Measures how long calls wait for the quota, and logs long waits."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["QuotaWaits"]

_LOGGED_FROM = 3.0
_LOGGED_AGAIN = 60.0
_log = logging.getLogger("planhat_api")


class QuotaWaits:
    """Measures the waits of all threads. It logs a long wait, at most once a minute.

    Args:
        allowed: Calls that are allowed in a minute.
        clock: Monotonic clock in seconds.
    """

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a wait."""
        self._allowed = allowed
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = 0
        self._since = 0.0
        self._seconds = 0.0
        self._logged_at = float("-inf")

    @property
    def seconds(self) -> float:
        """Seconds in which at least one thread waited."""
        with self._lock:
            return self._seconds + (self._clock() - self._since if self._waiting else 0.0)

    @contextmanager
    def waiting(self) -> Iterator[Callable[[], None]]:
        """Measure the ``with`` block as the wait of one thread.

        Yields:
            A function to call from time to time during the wait; it logs a long wait.
        """
        began = self._clock()
        with self._lock:
            self._since = self._since if self._waiting else began
            self._waiting += 1
        try:
            yield lambda: self._report(began)
        finally:
            with self._lock:
                self._waiting -= 1
                self._seconds += 0.0 if self._waiting else self._clock() - self._since

    def _report(self, began: float) -> None:
        now = self._clock()
        with self._lock:
            if now - began < _LOGGED_FROM or now - self._logged_at < _LOGGED_AGAIN:
                return
            self._logged_at = now
        _log.info(
            "Waiting for the quota: %d calls a minute are allowed (calls_per_minute), including the calls of all "
            "processes that share the quota_file",
            self._allowed,
        )
