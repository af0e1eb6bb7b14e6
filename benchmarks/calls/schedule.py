"""How long calls take that do nothing but wait for their answers."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace


@dataclass(frozen=True)
class Pace:
    """How fast calls can be made.

    Attributes:
        latency: Seconds that each call takes.
        at_once: Most calls at the same time.
        quota: Most calls in any window; 0 for no limit.
        window: Seconds of a window.
    """

    latency: float
    at_once: int
    quota: int = 0
    window: float = 60.0


def seconds_needed(calls: int, pace: Pace, *, alone: int = 0) -> float:
    """Seconds from the start of the first call to the end of the last one.

    Each call starts as soon as one of the places for calls at the same time is free, and the call that came so many
    calls before as the quota allows is a whole window old.

    Args:
        calls: All calls.
        pace: How fast they can be made.
        alone: How many of them come first and one after the other, because all others wait for what they bring.
    """
    free = [0.0] * pace.at_once
    heapify(free)
    starts: list[float] = []
    for number in range(calls):
        if 0 < number <= alone:
            free = [starts[-1] + pace.latency] * pace.at_once
        start = free[0]
        if pace.quota and number >= pace.quota:
            start = max(start, starts[number - pace.quota] + pace.window)
        starts.append(start)
        heapreplace(free, start + pace.latency)
    return starts[-1] + pace.latency if starts else 0.0
