"""Begins to read the lists of the next streams while the present one is written, so that calls run side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from planhat_api.lists.started import StartedList

__all__ = ["FirstLists"]

_ROOM = 20 << 20
"""Bytes of the pages that wait for the turn of their streams."""
_ASSUMED = 3 << 20
"""Bytes of a list that is still being read, as long as they are not known."""


class Startable(Protocol):
    """A stream that can request its first pages before its turn."""

    def start(self) -> StartedList | None:
        """Begin to read the first list; None if the stream cannot."""


class FirstLists:
    """Starts streams in the order in which they will be read.

    Only calls that are necessary anyway are made earlier. What is read in advance stays in memory until its turn, so
    the number of streams depends on the size of their first pages.

    Args:
        streams: Returns the streams of the run in order.
    """

    def __init__(self, streams: Callable[[], Iterable[Startable]]) -> None:
        """Start nothing yet."""
        self._streams = streams
        self._left: Iterator[Startable] | None = None
        self._waiting: list[tuple[Startable, StartedList | None]] = []

    def turn_of(self, stream: Startable) -> None:
        """Note that it is the turn of a stream, and start the next ones."""
        if self._left is None:
            self._left = iter(self._streams())
            if any(each is stream for each in self._left):
                # The first stream of the run. Its calls come before those of the next ones.
                stream.start()
            else:
                self._left = iter(())
        self._waiting = [(each, started) for each, started in self._waiting if each is not stream]
        self.start_more()

    def start_more(self) -> None:
        """Start further streams if there is room. Call this from time to time while a stream is read."""
        while self._left is not None and self._held() < _ROOM:
            following = next(self._left, None)
            if following is None:
                return
            self._waiting.append((following, following.start()))

    def _held(self) -> int:
        lists = [started for _, started in self._waiting if started is not None]
        sizes = [started.held for started in lists]
        return sum(_ASSUMED if size is None else size for size in sizes)
