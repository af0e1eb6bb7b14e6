"""A fast and repeatable random generator for the values of one row."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RowRandom", "one_in"]

T = TypeVar("T")

# If the pool is smaller, it is filled again, so that each number has enough bits.
_LOW = 1 << 64


class RowRandom:
    """A pool of hashed bits from which random numbers are taken. The row decides on its start."""

    __slots__ = ("_name", "_pool")

    def __init__(self, seed: int, kind: str, index: int) -> None:
        """Take the seed of the tenant, the kind of the row, and its index among the rows of its kind."""
        self._name = f"{seed} {kind} {index}".encode()
        self._pool = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to the limit, without the limit."""
        if self._pool < _LOW:
            self._name = blake2b(self._name).digest()
            self._pool = int.from_bytes(self._name, "big")
        self._pool, number = divmod(self._pool, limit)
        return number

    def between(self, first: int, last: int) -> int:
        """A whole number from first to last."""
        return first + self.below(last - first + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Up to ``most`` of the choices, in their order."""
        wanted = self.between(0, min(most, len(choices)))
        start = self.below(len(choices))
        return [choices[(start + step) % len(choices)] for step in range(wanted)]

    def chance(self, percent: int) -> bool:
        """True in ``percent`` of a hundred cases."""
        return self.below(100) < percent


def one_in(size: int, index: int, at: int) -> bool:
    """True for one row out of ``size``, always for the same ones."""
    return index % size == at
