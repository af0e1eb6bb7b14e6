"""Begins to read the lists of the next streams while the present one is written, so that calls run side by side."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from typing import Any

    from planhat_api.lists.started import StartedList

__all__ = ["FirstLists"]

_ROOM = 10 << 20
"""Bytes of the pages that wait for the turn of their streams."""
_ASSUMED = 5 << 18
"""Bytes of a list that is still being read, as long as they are not known."""


class Startable(Protocol):
    """A stream that can request its first pages before its turn."""

    def prepare_start(self) -> Callable[[], StartedList] | None:
        """Prepare the read. Returns what begins it, in any thread; None if it must not begin before the turn."""


class FirstLists:
    """Starts streams in the order in which they will be read.

    Only calls that are necessary anyway are made earlier. What is read in advance stays in memory until its turn, so
    the number of streams depends on the size of their first pages. Whenever one of them is there, the next ones start.

    Args:
        streams: Returns the streams of the run in order.
    """

    def __init__(self, streams: Callable[[], Iterable[Startable]]) -> None:
        """Start nothing yet."""
        self._streams = streams
        self._is_prepared = False
        self._left: deque[tuple[Startable, Callable[[], StartedList]]] = deque()
        self._waiting: list[tuple[Startable, StartedList]] = []
        self._lock = threading.Lock()

    def turn_of(self, stream: Startable) -> None:
        """Note that it is the turn of a stream, and start the next ones."""
        if not self._is_prepared:
            self._is_prepared = True
            self._prepare(stream)
        with self._lock:
            self._left = deque(each for each in self._left if each[0] is not stream)
            self._waiting = [each for each in self._waiting if each[0] is not stream]
        self._start_more()

    def _prepare(self, first: Startable) -> None:
        streams = list(self._streams())
        place = next((number for number, each in enumerate(streams) if each is first), len(streams))
        for stream in streams[place:]:
            if starts := stream.prepare_start():
                self._left.append((stream, starts))
        if self._left and self._left[0][0] is first:
            # The first stream of the run. Its calls come before those of the next ones.
            self._left.popleft()[1]()

    def _start_more(self) -> None:
        begun = []
        with self._lock:
            while self._left and self._held() < _ROOM:
                stream, starts = self._left.popleft()
                begun.append(starts())
                self._waiting.append((stream, begun[-1]))
        # Without the lock: if a list is there already, this is called again at once.
        for started in begun:
            started.beginning.add_done_callback(self._start_after)

    def _start_after(self, _: Future[Any]) -> None:
        # The client may be closed meanwhile, because the run ended early.
        with suppress(RuntimeError):
            self._start_more()

    def _held(self) -> int:
        sizes = [started.held for _, started in self._waiting]
        return sum(_ASSUMED if size is None else size for size in sizes)
