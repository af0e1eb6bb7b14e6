"""How long the calls of a client may take and wait: without end, until its owner runs out of time."""

from __future__ import annotations

import time
from concurrent.futures import wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Patience"]

_LONGEST_TICK = 0.5


class Patience:
    """The patience of whoever owns a client; ``end`` may be called by a handler of signals, for it takes no lock.

    Attributes:
        over: Whether nothing may wait any more.
    """

    def __init__(self) -> None:
        """Has no end yet."""
        self.over = False
        self._end = float("inf")
        # Of all that wakes a thread, this alone may be used while a handler of signals interrupts it.
        self._bell: SimpleQueue[None] = SimpleQueue()

    def end(self, seconds: float) -> None:
        """From now on let nothing wait.

        Args:
            seconds: How long calls go on that are under way or still begin; after that they are broken off.
        """
        self._end = min(self._end, time.monotonic() + seconds)
        self.over = True
        self._bell.put(None)

    @property
    def used_up(self) -> bool:
        """Whether no call may go on."""
        return time.monotonic() >= self._end

    def pause(self, seconds: float) -> bool:
        """Wait; False as soon as patience is over, without having waited so long."""
        if seconds <= 0:
            return True
        try:
            self._bell.get(timeout=seconds)
        except Empty:
            return True
        # It rings for everybody who waits.
        self._bell.put(None)
        return False

    def outlasts(self, call: Future[Any]) -> bool:
        """Wait until a call ends; False when it has to be broken off."""
        while not wait([call], timeout=_LONGEST_TICK).done:
            if self.used_up:
                return False
        return True
