"""Aborts an action that takes too long in total."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from planhat_api.timing.threads import start_daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TotalTimeout", "TotalTimeoutError"]

_CHECKS = 10
_LONGEST_TICK = 1.0


class TotalTimeoutError(OSError):
    """The action took too long and was aborted."""


class TotalTimeout:
    """Limits the time of any number of actions with one thread, which runs only while there are actions.

    Args:
        seconds: How long each action may take. It may take up to a tenth of this longer, at most one second.
    """

    def __init__(self, seconds: float) -> None:
        """Start without an action."""
        self._seconds = seconds
        self._actions: dict[object, tuple[float, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._running = False

    @contextmanager
    def limit(self, abort: Callable[[], None]) -> Iterator[None]:
        """Limit the time of the ``with`` block.

        Args:
            abort: Makes the block fail. It is called from another thread, and its own errors are ignored.

        Raises:
            TotalTimeoutError: The block took too long.
        """
        action = object()
        with self._lock:
            self._actions[action] = (time.monotonic() + self._seconds, abort)
            if not self._running and not self._closed.is_set():
                self._running = True
                start_daemon(self._check_regularly, name="planhat-timeout")
        try:
            yield
        except Exception:
            if self._actions.pop(action, None):
                raise
            raise TotalTimeoutError from None
        if not self._actions.pop(action, None):
            raise TotalTimeoutError

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _check_regularly(self) -> None:
        while not self._closed.wait(min(self._seconds / _CHECKS, _LONGEST_TICK)):
            now = time.monotonic()
            with self._lock:
                if not self._actions:
                    # A client that nobody uses any more costs nothing, even if it was not closed.
                    self._running = False
                    return
                late = [action for action, (end, _) in self._actions.copy().items() if end <= now]
            for action in late:
                # Only one thread can remove the entry, so an action that ended in time is not aborted.
                if entry := self._actions.pop(action, None):
                    with suppress(Exception):
                        entry[1]()
