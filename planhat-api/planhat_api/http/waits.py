"""Tells people that calls wait for the quota, and counts for how long."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Waits"]

_TOLD_FROM = 3.0
_TOLD_AGAIN = 60.0
_log = logging.getLogger("planhat_api")


class Waits:
    """Waits of all threads together, with one line in the log for a long one and no more than one a minute.

    Args:
        allowed: How many calls a minute are allowed.
        clock: Seconds, monotonic.
    """

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody waits yet."""
        self._allowed = allowed
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = 0
        self._since = 0.0
        self._seconds = 0.0
        self._told = float("-inf")

    @property
    def seconds(self) -> float:
        """How long at least one thread waited so far."""
        with self._lock:
            return self._seconds + (self._clock() - self._since if self._waiting else 0.0)

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        """Lasts as long as one thread waits.

        Yields:
            What to call now and then while it waits.
        """
        began = self._clock()
        with self._lock:
            self._since = self._since if self._waiting else began
            self._waiting += 1
        try:
            yield lambda: self._tell(began)
        finally:
            with self._lock:
                self._waiting -= 1
                self._seconds += 0.0 if self._waiting else self._clock() - self._since

    def _tell(self, began: float) -> None:
        now = self._clock()
        with self._lock:
            if now - began < _TOLD_FROM or now - self._told < _TOLD_AGAIN:
                return
            self._told = now
        _log.info(
            "Waiting for the quota: %d calls a minute are allowed (calls_per_minute), those of all "
            "processes that share the quota_file counted",
            self._allowed,
        )
