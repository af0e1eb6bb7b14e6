"""The clock of a run, for everything that depends on how long Planhat takes to process points."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planhat_api import Deadline

__all__ = ["Clock", "SystemClock", "growing_pauses"]

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 120.0  # seconds


def growing_pauses() -> Iterator[float]:
    """Seconds between looks at something that takes an unknown time: few calls if it takes long, no delay if not."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)


class Clock(Protocol):
    """A clock that can also wait."""

    def now(self) -> float:
        """Seconds since 1970-01-01 in UTC, which other runs on this machine can compare with theirs."""

    def wait(self, seconds: float) -> bool:
        """Wait. False, without waiting any longer, if the run has to end."""


class SystemClock:
    """The clock of the machine."""

    def __init__(self, deadline: Deadline) -> None:
        """Use the deadline of the run, which a signal sets."""
        self._deadline = deadline

    def now(self) -> float:
        """Seconds since 1970-01-01 in UTC."""
        return time.time()

    def wait(self, seconds: float) -> bool:
        """Wait. False, without waiting any longer, if the run has to end."""
        return not self._deadline.is_set and self._deadline.wait(seconds)
