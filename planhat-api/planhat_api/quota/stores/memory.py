"""Keeps the book in the memory of this process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from planhat_api.quota.book import Book

if TYPE_CHECKING:
    from planhat_api.quota.stores.store import Change

__all__ = ["MemoryStore"]

_T = TypeVar("_T")


class MemoryStore:
    """A book in memory, by a clock that is never set. Any number of threads may use it."""

    def __init__(self) -> None:
        """Start with a new book."""
        self._book = Book()
        self._lock = threading.Lock()

    def transact(self, change: Change[_T]) -> _T:
        """Change the book in one step."""
        with self._lock:
            self._book, result = change(self._book, time.monotonic_ns() // 1_000_000)
            return result

    def close(self) -> None:
        """There is nothing to close."""
