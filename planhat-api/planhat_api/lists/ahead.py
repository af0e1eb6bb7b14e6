"""Fetches the pages of one list, some of them before it is their turn, of a size that both sides can take."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planhat_api.errors import AnswerTooLargeError, PayloadError
from planhat_api.http.body import MOST_BYTES
from planhat_api.jsontext import array_of
from planhat_api.lists.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    Fetch = Callable[[int, int], Page]

__all__ = ["Ahead", "Fetch", "Source"]

_log = logging.getLogger("planhat_api")

_LIMIT_REFUSED = frozenset({400, 422})
_SMALLER_LIMITS = (2000, 1000, 500, 200, 100, 50, 20, 10)
_LIGHT = MOST_BYTES // 4  # bytes of a page whose double is sure to be small enough
_FEWEST = 2  # rows of a page that shows what it follows on


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


class Ahead:
    """Fetches pages, some of them before it is their turn, of a size that Planhat and this process can take.

    Attributes:
        limit: Rows that are asked for at present.
    """

    def __init__(self, source: Source, name: str) -> None:
        """Fetch nothing yet.

        Args:
            source: Where pages come from.
            name: What the log calls the list.
        """
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
