"""Reads a whole list in pages, while rows come and go (B28 to B30)."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planhat_api.body import MOST_BYTES
from planhat_api.errors import AnswerTooLargeError, PayloadError
from planhat_api.jsontext import array_of
from planhat_api.page import Page
from planhat_api.sighting import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor, Future

    Fetch = Callable[[int, int], Page]

__all__ = ["Source", "read_list"]

_log = logging.getLogger("planhat_api")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages of one list come from.

    Attributes:
        fetch: Gets one page, given offset and limit.
        pool: Runs ``fetch`` for pages ahead of their turn.
        limit: Rows to ask for.
        in_flight: Pages to have on the way at once.
    """

    fetch: Fetch
    pool: Executor
    limit: int
    in_flight: int


_LIMIT_REFUSED = frozenset({400, 422})
_SMALLER_LIMITS = (2000, 1000, 500, 200, 100, 50, 20, 10)
_LIGHT = MOST_BYTES // 4  # bytes of a page whose double is sure to be small enough
_FEWEST = 2  # rows of a page that shows what it follows on
_QUIET_PASSES = 3
_MOST_PASSES = 20


def read_list(
    source: Source, *, name: str, sort: str | None, doubt: Callable[[str], None] | None = None
) -> Iterator[Page]:
    """Read a list to its end.

    Each page after the first overlaps the one before it, and is used only when it is seen to follow on from it: rows
    deleted meanwhile move the others to the left, and a plain reader would pass over some. No row that is there all the
    time is left out and none comes twice, if the list is in order of ``_id`` or shows in its first page that it keeps
    another order. An order that changes from page to page shows too; then the list is read again until that brings
    nothing new.

    The end is a page that had room for more and brought nothing new: a page shorter than asked for may be a cap (B27).

    A page whose answer is too large is asked for again with half the rows, and so are the pages after it, until they
    turn out light.

    Args:
        source: Where pages come from.
        name: What the log calls the list.
        sort: Order asked for; decides only whether a list out of order of ``_id`` is worth a warning.
        doubt: Called with the reason when rows may have been missed: the list was not in order of ``_id``.

    Raises:
        AnswerTooLargeError: One row alone is too large.
    """
    memory = Memory()
    ahead = _Ahead(source, name)
    yield from _one_pass(ahead, memory, name)
    if not memory.ordered and doubt:
        doubt("the list was not in order of _id")
    if not memory.ordered and sort == "_id":
        _log.warning("%s: Planhat does not honour sort=_id; rows that move while the list is read may be missed", name)
    quiet = passes = 0
    while memory.unsteady and quiet < _QUIET_PASSES and passes < _MOST_PASSES:
        passes += 1
        _log.warning("%s: the order of the list changes from page to page; reading it again for what was missed", name)
        found = 0
        memory.start_over()
        for page in _one_pass(ahead, memory, name):
            found += len(page.raw)
            yield page
        quiet = 0 if found else quiet + 1
        memory.unsteady = True


def _one_pass(ahead: _Ahead, memory: Memory, name: str) -> Iterator[Page]:
    position = 0  # Rank of the first row not seen yet.
    wanted_overlap = 1
    back = 0
    biggest = 0
    try:
        while True:
            overlap = _overlap(wanted_overlap, biggest, memory)
            offset = max(0, position - max(overlap, back))
            page = ahead.take(offset, full=biggest)
            # Pages have become smaller when an answer was too large.
            biggest = min(biggest, ahead.limit)
            if not len(page) and (offset == 0 or offset >= position):
                return
            sight = memory.look(page.ids, at_start=offset == 0 or overlap == 0)
            if not len(page) or not sight.joined:
                # Rows before the offset were deleted: what comes next stands further to the left.
                back = max(2 * back, biggest // 2, 1)
                wanted_overlap = min(4 * wanted_overlap, max(biggest // 4, 1))
                _log.debug("%s: rows moved before offset %d; going back by %d", name, offset, back)
                ahead.drop()
                continue
            back = 0
            position = offset + len(page)
            if len(page) >= biggest:
                overlap = _overlap(wanted_overlap, len(page), memory)
                ahead.plan(position - overlap, stride=len(page) - overlap, cap_known=biggest > 0)
            biggest = max(biggest, len(page))
            fresh = _only(page, sight.fresh)
            memory.passed(page.ids, fresh.ids)
            if fresh.raw:
                yield fresh
            elif len(page) < biggest:
                return
    finally:
        ahead.drop()


def _overlap(wanted: int, biggest: int, memory: Memory) -> int:
    """Rows of the page before that the next page is asked to show again."""
    return 0 if memory.blind else min(wanted, biggest // 2)


def _only(page: Page, indices: Sequence[int]) -> Page:
    if len(indices) == len(page.raw):
        return page
    if isinstance(indices, range):
        part = slice(indices.start, indices.stop)
        return replace(page, raw=page.raw[part], ids=page.ids[part])
    return replace(page, raw=[page.raw[index] for index in indices], ids=[page.ids[index] for index in indices])


class _Ahead:
    """Fetches pages, some of them before it is their turn, of a size that Planhat and this process can take.

    Attributes:
        limit: Rows that are asked for at present.
    """

    def __init__(self, source: Source, name: str) -> None:
        self.limit = source.limit
        self._source = source
        self._name = name
        self._most = source.limit
        self._light = False
        self._waiting: deque[tuple[int, Future[Page]]] = deque()

    def take(self, offset: int, *, full: int) -> Page:
        """The page at an offset, from those on the way if it is the next of them.

        Args:
            offset: Where it begins.
            full: Rows of a full page, as far as known; 0 when nothing is.
        """
        if not self._waiting or self._waiting[0][0] != offset:
            self.drop()
        if not self._waiting and self._light:
            self.limit = min(2 * self.limit, self._most)
        try:
            page = self._waiting.popleft()[1].result() if self._waiting else self._fetch(offset)
        except AnswerTooLargeError as error:
            self.drop()
            if self.limit == 1:
                raise
            page = self._smaller(offset, full or self.limit, error)
        self._light = len(page.body) < _LIGHT
        return page

    def _smaller(self, offset: int, full: int, error: AnswerTooLargeError) -> Page:
        if self.limit == _FEWEST:
            return self._two_by_two_calls(offset)
        self.limit = max(_FEWEST, min(self.limit, full) // 2)
        self._light = False
        _log.info("%s: %s in one answer. Going on with pages of %d rows", self._name, error.detail, self.limit)
        return self.take(offset, full=full)

    def _two_by_two_calls(self, offset: int) -> Page:
        """Two rows that are too large together.

        The second is asked for first: a row that is deleted between the calls then shows, for the first is not the one
        that stood there.
        """
        second = self._source.fetch(offset + 1, 1)
        first = self._source.fetch(offset, 1)
        if not len(first):
            return first
        raw = [*first.raw, *second.raw]
        return Page(
            offset,
            array_of(map(bytes, raw)),
            raw,
            [*first.ids, *second.ids],
            first.received + second.received,
            first.recognised and second.recognised,
        )

    def plan(self, offset: int, *, stride: int, cap_known: bool) -> None:
        """Have the pages from ``offset`` on under way.

        Args:
            offset: Where the next page begins.
            stride: By how much each page moves on.
            cap_known: Pages as long as the last one are known to be full. A first page that is shorter than asked for
                may as well be the whole list.
        """
        if self._source.in_flight == 1 or not (cap_known or stride >= self.limit):
            return
        if self._light and self.limit < self._most:
            # Once those on the way are through, pages become larger again.
            return
        if self._waiting:
            offset = self._waiting[-1][0] + stride
        while len(self._waiting) < self._source.in_flight:
            self._waiting.append((offset, self._source.pool.submit(self._source.fetch, offset, self.limit)))
            offset += stride

    def _fetch(self, offset: int) -> Page:
        try:
            return self._source.fetch(offset, self.limit)
        except PayloadError as error:
            smaller = next((limit for limit in _SMALLER_LIMITS if limit < self.limit), None)
            if offset or smaller is None or error.status not in _LIMIT_REFUSED:
                raise
            # B27: the limit may be what is refused.
            self.limit = self._most = smaller
            return self._fetch(offset)

    def drop(self) -> None:
        """Forget the pages on the way."""
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()
