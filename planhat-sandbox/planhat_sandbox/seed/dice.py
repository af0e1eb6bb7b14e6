"""Repeatable chance that costs little: one generator for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Dice", "one_in"]

T = TypeVar("T")

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


class Dice:
    """Splitmix64, seeded by what the row is."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, kind: str, index: int) -> None:
        """Args: seed: Of the tenant. kind: Of the row. index: Of the row among its kind."""
        self._state = (seed * 0x2545F4914F6CDD1D ^ crc32(kind.encode()) * _STEP ^ index * 0xD1B54A32D192ED03) & _MASK

    def below(self, limit: int) -> int:
        """A whole number from 0 to below the limit."""
        self._state = (self._state + _STEP) & _MASK
        mixed = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % limit

    def between(self, first: int, last: int) -> int:
        """A whole number from first to last."""
        return first + self.below(last - first + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[self.below(len(choices))]

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Up to so many of several, in their order."""
        wanted = self.between(0, min(most, len(choices)))
        start = self.below(len(choices))
        return [choices[(start + step) % len(choices)] for step in range(wanted)]

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.below(100) < percent


def one_in(size: int, index: int, at: int) -> bool:
    """True for one of so many rows, always the same ones."""
    return index % size == at
