"""Calls a function at regular intervals, also while the target waits for input."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["run_every", "timers_available"]


def timers_available() -> bool:
    """Whether timers are available. They are not on Windows, and not outside the main thread."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def run_every(seconds: float, function: Callable[[], None]) -> Iterator[None]:
    """Call a function at regular intervals on the main thread, as long as the context lasts.

    The call may come between any two steps of the program, so the function must check whether it can act. Without
    timers, it is never called.
    """
    if not timers_available():
        yield
        return
    handler = signal.signal(signal.SIGALRM, lambda *_: function())
    previous = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *previous)
        signal.signal(signal.SIGALRM, handler)
