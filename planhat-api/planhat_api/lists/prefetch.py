"""Fetches the pages of one list, several of them at the same time."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planhat_api.errors import AnswerTooLargeError, PayloadError, UnavailableError
from planhat_api.http.body import MOST_BYTES
from planhat_api.jsontext import array_of
from planhat_api.lists.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    Fetch = Callable[[int, int], Page]

__all__ = ["Fetch", "PageSource", "Prefetcher"]

_log = logging.getLogger("planhat_api")

_LIMIT_REFUSED = frozenset({400, 422})
_SMALLER_LIMITS = (50_000, 20_000, 10_000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10)
_LIGHT = MOST_BYTES // 4  # bytes; a page of twice this size is certainly small enough
_EASY = 10_000
"""Rows that Planhat can surely send in time, if it sends any. Clients have read pages of this size."""
_FEWEST = 2  # rows; a smaller page cannot overlap the page before it


@dataclass(frozen=True, slots=True)
class PageSource:
    """How to fetch the pages of one list.

    Attributes:
        fetch: Fetches one page, with offset and limit.
        pool: Runs ``fetch`` for pages ahead of their turn.
        limit: Rows to ask for.
        in_flight: The most pages to have on the way at once.
        spare: Whether much of the quota is left.
        is_turn: Whether the list is read now. A list that was only started keeps no more than its first page.
        note_limit: Called with the number of rows that works, if it is smaller than ``limit``.
    """

    fetch: Fetch
    pool: Executor
    limit: int
    in_flight: int
    spare: Callable[[], bool] = lambda: True
    is_turn: Callable[[], bool] = lambda: True
    note_limit: Callable[[int], None] = lambda _: None


class Prefetcher:
    """Fetches pages, some of them in advance. It makes pages smaller if Planhat or this client cannot handle them.

    Attributes:
        limit: Rows that are requested at present.
    """

    def __init__(self, source: PageSource, name: str) -> None:
        """Start without a page.

        Args:
            source: How to fetch pages.
            name: Name of the list in the log.
        """
        self.limit = source.limit
        self._source = source
        self._name = name
        self._most = source.limit
        self._light = False
        self._waiting: deque[tuple[int, Future[Page]]] = deque()

    def get(self, offset: int, *, full: int) -> Page:
        """The page at an offset. It may already be fetched or requested.

        Args:
            offset: Offset of the first row.
            full: Rows of a full page; 0 if they are not known yet.
        """
        if not self._waiting or self._waiting[0][0] != offset:
            self.cancel()
        if not self._waiting and self._light:
            self.limit = min(2 * self.limit, self._most)
        try:
            page = self._waiting.popleft()[1].result() if self._waiting else self._fetch(offset)
        except AnswerTooLargeError as error:
            self.cancel()
            if self.limit == 1:
                raise
            page = self._smaller(offset, full or self.limit, error)
        except UnavailableError as error:
            self.cancel()
            if not error.reached_planhat or self.limit <= _EASY:
                raise
            _log.info("%s: no answer with %d rows. Continuing with pages of %d rows", self._name, self.limit, _EASY)
            self._lower(_EASY)
            page = self._fetch(offset)
        self._light = len(page.body) < _LIGHT
        return page

    def _smaller(self, offset: int, full: int, error: AnswerTooLargeError) -> Page:
        if self.limit == _FEWEST:
            return self._two_by_two_calls(offset)
        self.limit = max(_FEWEST, min(self.limit, full) // 2)
        self._light = False
        _log.info("%s: %s in one answer. Continuing with pages of %d rows", self._name, error.detail, self.limit)
        return self.get(offset, full=full)

    def _two_by_two_calls(self, offset: int) -> Page:
        """Fetch two rows that are too large for one answer.

        The second row is fetched first. So if a row is deleted between the calls, the first row is not the row that was
        there before, and the overlap check notices it.
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
            first.conforms and second.conforms,
        )

    def prefetch(self, offset: int, *, stride: int, most: int) -> None:
        """Begin to fetch the pages from ``offset`` on.

        Args:
            offset: Offset of the next page.
            stride: Distance between the offsets of two pages.
            most: Pages to have on the way at once.
        """
        if self._light and self.limit < self._most:
            # After the pages that are already requested, pages become larger again.
            return
        if self._waiting:
            offset = self._waiting[-1][0] + stride
        while len(self._waiting) < most:
            self._waiting.append((offset, self._source.pool.submit(self._source.fetch, offset, self.limit)))
            offset += stride

    def _fetch(self, offset: int) -> Page:
        try:
            return self._source.fetch(offset, self.limit)
        except PayloadError as error:
            smaller = next((limit for limit in _SMALLER_LIMITS if limit < self.limit), None)
            if offset or smaller is None or error.status not in _LIMIT_REFUSED:
                raise
            # B27: perhaps Planhat refuses the limit.
            self._lower(smaller)
            return self._fetch(offset)

    def _lower(self, limit: int) -> None:
        self.limit = self._most = limit
        self._source.note_limit(limit)

    def cancel(self) -> None:
        """Cancel the pages that are already requested."""
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()
