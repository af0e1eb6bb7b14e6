"""Begins to read the lists of the next streams while the present one is written, so that calls run side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["FirstLists"]


class Startable(Protocol):
    """A stream that can request its first pages before its turn."""

    def start(self) -> None:
        """Begin to read the first list."""


class FirstLists:
    """Starts streams in the order in which they will be read.

    Only calls that are necessary anyway are made earlier. Few streams are started at once, because their first pages
    stay in memory until their turn.

    Args:
        streams: Returns the streams of the run in order.
        at_once: The most streams to have started before their turn.
    """

    def __init__(self, streams: Callable[[], Iterable[Startable]], at_once: int) -> None:
        """Start nothing yet."""
        self._streams = streams
        self._left: Iterator[Startable] | None = None
        self._at_once = at_once
        self._waiting: list[Startable] = []

    def turn_of(self, stream: Startable) -> None:
        """Note that it is the turn of a stream, and start the next ones."""
        if self._left is None:
            # The first turn. A stream that is read before others were started has nothing to wait for.
            self._left = iter(self._streams())
            if not any(each is stream for each in self._left):
                self._left = iter(())
        self._waiting = [each for each in self._waiting if each is not stream]
        while len(self._waiting) < self._at_once:
            following = next(self._left, None)
            if following is None:
                return
            following.start()
            self._waiting.append(following)
