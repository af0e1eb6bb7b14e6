"""Repeatable chance that costs little: one generator for each row."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Dice", "one_in"]

T = TypeVar("T")

# Below this the pool is filled again, so that every roll has bits to spare.
_LOW = 1 << 64


class Dice:
    """A pool of hashed bits that rolls take their share of, seeded by what the row is."""

    __slots__ = ("_name", "_pool")

    def __init__(self, seed: int, kind: str, index: int) -> None:
        """Args: seed: Of the tenant. kind: Of the row. index: Of the row among its kind."""
        self._name = f"{seed} {kind} {index}".encode()
        self._pool = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to below the limit."""
        if self._pool < _LOW:
            self._name = blake2b(self._name).digest()
            self._pool = int.from_bytes(self._name, "big")
        self._pool, rolled = divmod(self._pool, limit)
        return rolled

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
