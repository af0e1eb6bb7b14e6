"""Counts requests to stop a process: several signals at almost the same time are one request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StopRequests"]

_SAME_REQUEST = 1.0


class StopRequests:
    """Counts the requests to stop this process.

    Ctrl-C sends SIGINT to every process of a terminal. A scheduler among them, such as Meltano, immediately sends its
    child processes SIGTERM as well. So all signals within a second are one request.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a signal."""
        self._clock = clock
        self._first: float | None = None

    def add(self) -> int:
        """Add a signal.

        Returns:
            1 for the first request, 2 for a further one; 0 for a signal that belongs to the first request.
        """
        now = self._clock()
        if self._first is None:
            self._first = now
            return 1
        return 2 if now - self._first >= _SAME_REQUEST else 0
