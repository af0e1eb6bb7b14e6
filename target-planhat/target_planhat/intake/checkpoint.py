"""Decides when all pending rows are sent, so that STATE can be written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Checkpoint"]


class Checkpoint:
    """A clock for the interval between checkpoints."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            seconds: Interval.
            clock: Gives seconds that never decrease.
        """
        self._seconds = seconds
        self._clock = clock
        self._next = clock() + seconds

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self._clock() >= self._next

    def done(self) -> None:
        """Start the next interval."""
        self._next = self._clock() + self._seconds
