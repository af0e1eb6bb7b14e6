"""Breaks off what takes longer than it may."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from planhat_api.http.threads import start_daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ExpiredError", "Watchdog"]

_LOOKS = 10
_LONGEST_TICK = 1.0


class ExpiredError(OSError):
    """It took too long and was broken off."""


class Watchdog:
    """Watches any number of things with one thread, which lives only while there is something to watch.

    Args:
        seconds: How long each may take, about: up to a second or a tenth longer.
    """

    def __init__(self, seconds: float) -> None:
        """Watches nothing yet."""
        self._seconds = seconds
        self._watched: dict[object, tuple[float, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._awake = False

    @contextmanager
    def watch(self, break_off: Callable[[], None]) -> Iterator[None]:
        """Watch what is done inside.

        Args:
            break_off: Makes it fail; called from another thread, its own errors do not matter.

        Raises:
            ExpiredError: It was broken off.
        """
        mark = object()
        with self._lock:
            self._watched[mark] = (time.monotonic() + self._seconds, break_off)
            if not self._awake and not self._closed.is_set():
                self._awake = True
                start_daemon(self._look_now_and_then, name="planhat-watchdog")
        try:
            yield
        except Exception:
            if self._watched.pop(mark, None):
                raise
            raise ExpiredError from None
        if not self._watched.pop(mark, None):
            raise ExpiredError

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _look_now_and_then(self) -> None:
        while not self._closed.wait(min(self._seconds / _LOOKS, _LONGEST_TICK)):
            now = time.monotonic()
            with self._lock:
                if not self._watched:
                    # A client that is done with, and was not closed, costs nothing.
                    self._awake = False
                    return
                late = [mark for mark, (end, _) in self._watched.copy().items() if end <= now]
            for mark in late:
                # Whoever takes the mark out first has it: what ended in time is not broken off.
                if entry := self._watched.pop(mark, None):
                    with suppress(Exception):
                        entry[1]()
