"""Begins to read a list in a thread of its own, before its first pages are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from planhat_api.lists.page import Page

__all__ = ["ROOM", "start"]

ROOM = 1 << 20
"""Bytes of a list that are read in advance. A list that fits is read to its end, a longer one up to its next page."""


class _Beginning(NamedTuple):
    """What was read in advance: the pages, and what ended it."""

    pages: list[Page]
    has_more: bool
    error: Exception | None


def start(pages: Iterator[Page], executor: Executor, *, room: int = ROOM) -> Iterator[Page]:
    """Begin to take pages from an iterator in another thread.

    Args:
        pages: The pages of one list. Nobody else may take pages from it.
        executor: Runs the thread.
        room: Bytes to read in advance. The page that exceeds them is the last one. With 0, it is the first page.

    Returns:
        The same pages. An error is raised in its place between them.
    """
    beginning = executor.submit(_read, pages, room)

    def rest() -> Iterator[Page]:
        read, has_more, error = beginning.result()
        yield from read
        if error is not None:
            raise error
        if has_more:
            yield from pages

    return rest()


def _read(pages: Iterator[Page], room: int) -> _Beginning:
    read: list[Page] = []
    held = 0
    try:
        for page in pages:
            read.append(page)
            held += len(page.body)
            if held > room:
                return _Beginning(read, has_more=True, error=None)
    except Exception as error:  # noqa: BLE001 - raised again where the pages are taken
        return _Beginning(read, has_more=False, error=error)
    return _Beginning(read, has_more=False, error=None)
