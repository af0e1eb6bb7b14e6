"""The pause of all calls after Planhat answered that the quota is used up (429)."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["LONGEST_PAUSE", "Pause"]

LONGEST_PAUSE = 300_000
"""Milliseconds. The quota is renewed after 60 to 120 s (B11), and a call that still comes too early gets another 429,
which begins another pause. A pause that seems to be longer was written before the clock was set back.
"""

_MARGIN = 1_000
_FIRST_CALLS = 8
_LONGEST_STEP = 250
_SLOW_FOR = 60_000


class Pause(Struct, frozen=True, array_like=True):
    """A pause, and how calls begin again after it. All times are in milliseconds.

    All threads and processes wait for the end of the same pause. If their calls went out together, each of them could
    be answered 429 again. So the first calls go out one after the other, and one 429 among them holds back the others.

    Attributes:
        until: Moment of its end, on the clock of all who share it.
        step: From one of the first calls to the next.
        first_calls: How many of the first calls did not go out yet.
    """

    until: int = 0
    step: int = 0
    first_calls: int = 0

    def left(self, now: int) -> int:
        """Time until calls may go out; 0 if they may, and if the moment is too far away to be true."""
        left = self.until - now
        return left if 0 < left <= LONGEST_PAUSE + _MARGIN else 0

    def is_step(self) -> bool:
        """Whether the pause itself is over, and only the next of its first calls has to wait."""
        return self.first_calls < _FIRST_CALLS

    def is_slow(self, now: int) -> bool:
        """Whether calls go out one after the other, because the pause ended a short time ago."""
        return self.first_calls > 0 and 0 <= now - self.until < _SLOW_FOR

    def due(self, now: int, place: int) -> int:
        """Moment from which a call may go out.

        Args:
            now: The present moment.
            place: How many calls go out before it.
        """
        if self.left(now):
            return self.until + min(place, self.first_calls) * self.step
        return now + min(place, self.first_calls) * self.step if self.is_slow(now) else now

    def after_call(self, now: int) -> Pause:
        """The pause after a call that goes out now."""
        return Pause(now + self.step, self.step, self.first_calls - 1) if self.is_slow(now) else self

    def extended(self, now: int, time: int) -> Pause:
        """The pause after another 429: it never gets shorter.

        Args:
            now: Moment of the 429.
            time: How long calls have to wait from now on, at most ``LONGEST_PAUSE``.
        """
        time = min(time, LONGEST_PAUSE)
        step = min(time // (2 * _FIRST_CALLS), _LONGEST_STEP)
        return Pause(now + max(time, self.left(now)), step, _FIRST_CALLS)
