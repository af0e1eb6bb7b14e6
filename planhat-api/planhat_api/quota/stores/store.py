"""What a store of the book does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from planhat_api.quota.book import Book

__all__ = ["Change", "Store", "StoreError"]

_T = TypeVar("_T")

Change = Callable[[Book, int], tuple[Book, _T]]
"""Takes the book and the moment on the clock of the store in milliseconds, and gives the book as it shall be and a
result. The same book means that nothing has to be written. It may be called several times, and must not take long.
"""


class StoreError(Exception):
    """The store cannot be used now. The text has no secret, and says nothing of the address."""


class Store(Protocol):
    """Keeps the book of one tenant. Only one thread may use it at a time."""

    def transact(self, change: Change[_T]) -> _T:
        """Change the book in one step, which no other process sees half.

        Raises:
            StoreError: The store cannot be used. It is not known whether the book was changed.
        """

    def close(self) -> None:
        """Close the connection. This raises nothing."""
