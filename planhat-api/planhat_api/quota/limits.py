"""How many calls the quota allows in which time (B10)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BACKFILL_SHARE", "MINUTE", "WINDOW", "Limits"]

MINUTE = 60.0
WINDOW = 61.0
"""Seconds in which no more calls get a turn than are allowed in a minute. A call needs some time from its turn to
Planhat, and that time varies: two calls may be closer together when they arrive than when they got their turns.
"""
BACKFILL_SHARE = 0.905
"""The part of the calls of a minute that backfills use. The rest is there for other calls: beside a backfill,
``calls_per_minute * (1 - BACKFILL_SHARE * WINDOW / MINUTE)`` turns are free at any moment. Other calls wait for turns
beyond that, and the backfill waits for them.
"""

_PER_SECOND = 150
_SHORTEST_TOLERANCE = 3_000
_INTERVALS_OF_TOLERANCE = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process goes by when it asks for a turn. All times are in milliseconds.

    Attributes:
        rates: Most calls in a time, and that time. Each of them is kept in every such time, wherever it begins.
        pace: From one call of a backfill to the next.
        tolerance: How long ago a backfill may have stood still, and still makes up for it.
    """

    rates: tuple[tuple[int, int], ...]
    pace: float
    tolerance: float

    @classmethod
    def of(cls, calls_per_minute: int, *, window: float = WINDOW, minute: float = MINUTE) -> Limits:
        """The limits of all processes together.

        Args:
            calls_per_minute: Most calls in ``window``.
            window: Seconds.
            minute: Seconds for which the pace of a backfill is reckoned.
        """
        longest = round(window * 1000)
        rates = [(calls_per_minute, longest)]
        if calls_per_minute > _PER_SECOND:
            rates.append((_PER_SECOND, 1000))
        pace = 1000 * minute / (BACKFILL_SHARE * calls_per_minute)
        return cls(tuple(rates), pace, _tolerance(pace))

    def share(self, processes: int) -> Limits:
        """The limits of one of some processes that cannot count together. It may be less than one call in a window."""
        pace = self.pace * processes
        return Limits(tuple(_part(calls, time, processes) for calls, time in self.rates), pace, _tolerance(pace))

    @property
    def window(self) -> int:
        """The longest time that a call counts."""
        return max(interval for _, interval in self.rates)


def _part(calls: int, time: int, processes: int) -> tuple[int, int]:
    return (calls // processes, time) if calls >= processes else (1, -(-time * processes // calls))


def _tolerance(pace: float) -> float:
    return max(_SHORTEST_TOLERANCE, _INTERVALS_OF_TOLERANCE * pace)
