"""Ends the calls of a client when the program has to stop."""

from __future__ import annotations

import time
from concurrent.futures import wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Deadline"]

_LONGEST_TICK = 0.5


class Deadline:
    """A deadline for all calls of a client. There is none until ``set`` is called.

    Attributes:
        is_set: Whether there is a deadline. Then no call waits any more.
    """

    def __init__(self) -> None:
        """Start without a deadline."""
        self.is_set = False
        self._end = float("inf")
        # Only this kind of queue may be used in a signal handler that interrupts the same queue.
        self._wake_up: SimpleQueue[None] = SimpleQueue()

    def set(self, seconds: float) -> None:
        """Set the deadline, and let nothing wait any more. A signal handler may call this, because it takes no lock.

        Args:
            seconds: How long present and new calls may still take. After that they are aborted.
        """
        self._end = min(self._end, time.monotonic() + seconds)
        self.is_set = True
        self._wake_up.put(None)

    @property
    def has_passed(self) -> bool:
        """Whether calls have to be aborted."""
        return time.monotonic() >= self._end

    def wait(self, seconds: float) -> bool:
        """Wait. Returns False, without waiting any longer, when the deadline is set."""
        if seconds <= 0:
            return True
        try:
            self._wake_up.get(timeout=seconds)
        except Empty:
            return True
        # Put it back for the other threads that wait.
        self._wake_up.put(None)
        return False

    def wait_for(self, call: Future[Any]) -> bool:
        """Wait until a call ends. Returns False if it has to be aborted."""
        while not wait([call], timeout=_LONGEST_TICK).done:
            if self.has_passed:
                return False
        return True
