"""Begins to read a list in a thread of its own, before its first pages are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planhat_api.quota.places import in_advance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor, Future

    from planhat_api.lists.page import Page

__all__ = ["ROOM", "StartedList"]

ROOM = 1 << 20
"""Bytes of a list that are read in advance. A list that fits is read to its end, a longer one up to its next page."""


class _Beginning(NamedTuple):
    """What was read in advance: the pages, and what ended it."""

    pages: list[Page]
    held: int
    has_more: bool = False
    error: Exception | None = None


class StartedList:
    """The pages of a list of which the first ones are taken in another thread. It can be iterated over once.

    Attributes:
        beginning: What is read in advance, once it is there.
    """

    def __init__(
        self, pages: Iterator[Page], executor: Executor, *, room: int = ROOM, after: StartedList | None = None
    ) -> None:
        """Begin to read.

        Args:
            pages: The pages of one list. Nobody else may take pages from it.
            executor: Runs the thread.
            room: Bytes to read in advance. The page that exceeds them is the last one. With 0, it is the first page.
            after: A list that has to be read to its end before this one begins. If it does not fit into its room,
                nothing of this list is read in advance.
        """
        self._pages = pages
        self.beginning: Future[_Beginning] = executor.submit(self._read, room, after)

    @property
    def held(self) -> int | None:
        """Bytes of the pages that wait in memory; None as long as they are being read."""
        return self.beginning.result().held if self.beginning.done() else None

    def __iter__(self) -> Iterator[Page]:
        """The same pages. An error is raised in its place between them."""
        read, _, has_more, error = self.beginning.result()
        while read:
            yield read.pop(0)
        if error is not None:
            raise error
        if has_more:
            yield from self._pages

    def _read(self, room: int, after: StartedList | None) -> _Beginning:
        read: list[Page] = []
        held = 0
        if after is not None and not after.is_read:
            return _Beginning(read, held, has_more=True)
        try:
            with in_advance():
                for page in self._pages:
                    read.append(page)
                    held += len(page.body)
                    if held > room:
                        return _Beginning(read, held, has_more=True)
        except Exception as error:  # noqa: BLE001 - raised again where the pages are taken
            return _Beginning(read, held, error=error)
        return _Beginning(read, held)

    @property
    def is_read(self) -> bool:
        """Whether the whole list was read in advance. Waits for it."""
        beginning = self.beginning.result()
        return not beginning.has_more and beginning.error is None
