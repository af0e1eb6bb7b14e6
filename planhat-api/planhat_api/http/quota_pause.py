"""The pause of all calls after Planhat answered that the quota is used up (429)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LONGEST_PAUSE", "Pause", "PausedError"]

LONGEST_PAUSE = 300.0
"""Seconds. The quota is renewed after 60 to 120 s (B11), and a call that still comes too early gets another 429, which
begins another pause. A pause that seems to be longer was written before the clock of the machine was set back.
"""

_MARGIN = 1.0
_FIRST_CALLS = 8
_LONGEST_STEP = 0.25
_SLOW_FOR = 60.0


class PausedError(Exception):
    """No call may go out now.

    Attributes:
        seconds: Seconds until the pause ends.
        is_step: Whether the pause itself is over, and only the next of its first calls has to wait.
    """

    def __init__(self, seconds: float, *, is_step: bool) -> None:
        """Take how long nobody may call, and why."""
        super().__init__(seconds)
        self.seconds = seconds
        self.is_step = is_step


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause, and how calls begin again after it.

    All threads and processes wait for the end of the same pause. If their calls went out together, each of them could
    be answered 429 again. So the first calls go out one after the other, and one 429 among them holds back the others.

    Attributes:
        until: Moment of its end, in seconds on any clock that all who share it have.
        step: Seconds from one of the first calls to the next.
        first_calls: How many of the first calls did not go out yet.
    """

    until: float = 0.0
    step: float = 0.0
    first_calls: int = 0

    def check(self, now: float) -> Pause:
        """The pause after a call that goes out now.

        Raises:
            PausedError: No call may go out now.
        """
        if left := self.left(now):
            raise PausedError(left, is_step=self.first_calls < _FIRST_CALLS)
        return Pause(now + self.step, self.step, self.first_calls - 1) if self.is_slow(now) else self

    def left(self, now: float) -> float:
        """Seconds until calls may go out; 0 if they may, and if the moment is too far away to be true."""
        left = self.until - now
        return left if 0 < left <= LONGEST_PAUSE + _MARGIN else 0.0

    def is_slow(self, now: float) -> bool:
        """Whether calls go out one after the other, because the pause ended a short time ago."""
        return self.first_calls > 0 and 0 <= now - self.until < _SLOW_FOR

    def extended(self, now: float, seconds: float) -> Pause:
        """The pause after another 429: it never gets shorter.

        Args:
            now: Moment of the 429.
            seconds: How long calls have to wait from now on, at most ``LONGEST_PAUSE``.
        """
        seconds = min(seconds, LONGEST_PAUSE)
        step = min(seconds / (2 * _FIRST_CALLS), _LONGEST_STEP)
        return Pause(now + max(seconds, self.left(now)), step, _FIRST_CALLS)
