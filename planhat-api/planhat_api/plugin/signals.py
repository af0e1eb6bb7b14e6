"""Tells a second wish to end a process from a second signal of the same wish."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Wishes"]

_ONE_WISH = 1.0


class Wishes:
    """The signals of one process.

    A person who presses Ctrl-C sends SIGINT to every process of the terminal, and a scheduler among them, such as
    Meltano, passes its own on as SIGTERM at once: all that comes within a second is one wish.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """No signal yet."""
        self._clock = clock
        self._first: float | None = None

    def take(self) -> int:
        """Take a signal.

        Returns:
            1 for the first wish, 2 for a further one; 0 for a signal that says nothing new.
        """
        now = self._clock()
        if self._first is None:
            self._first = now
            return 1
        return 2 if now - self._first >= _ONE_WISH else 0
