"""The places for calls that are under way at the same time. Calls that are needed now come before others."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from heapq import heapify, heappush
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Places", "in_advance"]

_in_advance: ContextVar[bool] = ContextVar("in_advance", default=False)


@contextmanager
def in_advance() -> Iterator[None]:
    """Calls of this thread inside the ``with`` block are not needed yet, so others go first."""
    token = _in_advance.set(True)
    try:
        yield
    finally:
        _in_advance.reset(token)


class Places:
    """Some places, each for one call. Calls that are needed now are first, and then those that wait longest.

    Args:
        number: How many places there are.
    """

    def __init__(self, number: int) -> None:
        """Start with all places free."""
        self._free = number
        self._waiting: list[tuple[bool, int]] = []
        self._numbers = count()
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a place, and hold it inside the ``with`` block."""
        with self._changed:
            ticket = (_in_advance.get(), next(self._numbers))
            heappush(self._waiting, ticket)
            try:
                self._changed.wait_for(lambda: self._free > 0 and self._waiting[0] == ticket)
                self._free -= 1
            finally:
                # A signal may have ended the wait.
                self._waiting.remove(ticket)
                heapify(self._waiting)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()
