"""Decides when everything pending goes out so that STATE can follow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Checkpoint"]


class Checkpoint:
    """A clock that is due some seconds after the last checkpoint."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            seconds: Interval.
            clock: Seconds that never go back.
        """
        self._seconds = seconds
        self._clock = clock
        self._next = clock() + seconds

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return self._clock() >= self._next

    def done(self) -> None:
        """Start anew."""
        self._next = self._clock() + self._seconds
