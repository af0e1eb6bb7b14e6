"""Wakes the target now and then while it waits for input."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["alarm", "can_wake"]


def can_wake() -> bool:
    """Whether there are such timers: not on Windows, and not outside the main thread."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def alarm(seconds: float, wake: Callable[[], None]) -> Iterator[None]:
    """Call something every so many seconds, on the main thread, as long as the context lasts.

    The call may come between any two steps of the program: it must look whether the moment is a good one. It never
    comes where there are no timers.
    """
    if not can_wake():
        yield
        return
    handler = signal.signal(signal.SIGALRM, lambda *_: wake())
    left = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *left)
        signal.signal(signal.SIGALRM, handler)
