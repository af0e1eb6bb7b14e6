"""Reads a whole list in pages while rows are inserted and deleted (B28 to B30)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.lists.known_list import KnownList, ListRead
from planhat_api.lists.overlap import OverlapCheck
from planhat_api.lists.prefetch import Prefetcher
from planhat_api.lists.read_ahead import pages_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planhat_api.lists.page import Page
    from planhat_api.lists.prefetch import PageSource

__all__ = ["read_list"]

_log = logging.getLogger("planhat_api")


_QUIET_PASSES = 3
"""If the order of a list changes from page to page, so many successive passes must bring nothing new."""
_MOST_PASSES = 20


_UNKNOWN = KnownList(0, None, trusted=False)


def read_list(  # noqa: PLR0913 - each decides how the list is read
    source: PageSource,
    *,
    name: str,
    sort: str | None,
    doubt: Callable[[str], None] | None = None,
    known: KnownList | None = None,
    found: ListRead | None = None,
) -> Iterator[Page]:
    """Read a list to its end.

    Each page after the first overlaps the one before it. It is used only if the overlap shows that there is no gap:
    when rows are deleted meanwhile, later rows move towards the beginning, and a reader without overlap would miss
    some. No row that exists during the whole read is missed, and none comes twice, if the list is in order of ``_id``,
    or if it keeps another order and shows this in its first page. If the order changes from page to page, that is
    noticed, and the list is read again until a pass brings nothing new.

    The end is a page that could hold more rows and brings nothing new. A page that is only shorter than requested may
    be limited by Planhat (B27). If an earlier read is known, ``KnownList`` says when no such page is needed.

    If an answer is too large, the page and the ones after it are requested with half the rows, until pages become small
    enough again.

    Args:
        source: How to fetch pages.
        name: Name of the list in the log.
        sort: The requested order. It only decides whether there is a warning if the list is not in order of ``_id``.
        doubt: Called with the reason if rows may be missing, because the list was not in order of ``_id``.
        known: What an earlier read showed of this list; None for nothing.
        found: Is filled with what this read shows of it.

    Raises:
        AnswerTooLargeError: A single row is too large.
    """
    one = _Pass(source, name, known)
    yield from one.pages()
    check = one.check
    if not check.ordered and doubt:
        doubt("the list was not in order of _id")
    if not check.ordered and sort and sort.removeprefix("-") == "_id":
        _log.warning("%s: Planhat ignores sort=%s; rows that move while the list is read may be missed", name, sort)
    wanted = _QUIET_PASSES if check.order_changed else int(check.rows_shifted)
    quiet = passes = 0
    while quiet < wanted and passes < _MOST_PASSES:
        passes += 1
        _log.warning("%s: rows moved within the list; reading it again to find missed rows", name)
        rows = one.rows
        check.start_over()
        yield from one.pages()
        quiet = 0 if one.rows > rows else quiet + 1
        wanted = _QUIET_PASSES if check.order_changed else wanted
    if found:
        as_requested = sort is None or check.ascending != sort.startswith("-")
        found.rows, found.proved = one.rows, one.proved
        found.lowest = check.lowest if as_requested else None
        found.page_rows = one.page_rows if one.rows > one.page_rows else None


class _Pass:
    """Reads a list once, or several times with the same memory of its rows.

    Attributes:
        check: The comparison of all pages.
        rows: Rows that were read so far.
        page_rows: Rows of the longest page.
        proved: Whether a call proved the end.
    """

    def __init__(self, source: PageSource, name: str, known: KnownList | None) -> None:
        self.check = OverlapCheck()
        self.rows = 0
        self.page_rows = 0
        self.proved = False
        self._known = known or _UNKNOWN
        self._expected = known.rows if known else None
        self._source = source
        self._prefetcher = Prefetcher(source, name)
        self._name = name

    def pages(self) -> Iterator[Page]:
        """Pages with at least one new row."""
        prefetcher, check = self._prefetcher, self.check
        position = 0  # Of the first row that was not read yet.
        wanted_overlap = 1
        back = 0
        biggest = full_pages = 0
        self.proved = False
        try:
            while True:
                overlap = _overlap(wanted_overlap, biggest, check)
                offset = max(0, position - max(overlap, back))
                page = prefetcher.get(offset, full=biggest)
                # Pages are smaller after an answer that was too large.
                biggest = min(biggest, prefetcher.limit)
                if not len(page) and (offset == 0 or offset >= position):
                    self.proved = True
                    return
                comparison = check.compare(page.ids, at_start=offset == 0 or overlap == 0)
                if not len(page) or not comparison.no_gap:
                    # Rows before the offset were deleted, so the next rows have moved towards the beginning.
                    back = max(2 * back, biggest // 2, 1)
                    wanted_overlap = min(4 * wanted_overlap, max(biggest // 4, 1))
                    _log.debug("%s: rows moved before offset %d; going back by %d", self._name, offset, back)
                    prefetcher.cancel()
                    continue
                back = 0
                check.note_shift(known=len(page) - len(comparison.new), expected=position - offset)
                position = offset + len(page)
                new_rows = page.at(comparison.new)
                check.add_page(page.ids, new_rows.ids)
                is_end = self._known.ends_with(page, check, prefetcher.limit)
                is_full = len(page) >= biggest and not is_end
                was_turn = self._source.is_turn()
                full_pages += is_full
                if is_full and was_turn:
                    self._read_ahead(page, position, _overlap(wanted_overlap, len(page), check), full_pages)
                biggest = max(biggest, len(page))
                self.page_rows = max(self.page_rows, biggest)
                if new_rows.raw:
                    self.rows += len(new_rows.raw)
                    yield new_rows
                elif len(page) < biggest:
                    self.proved = True
                    return
                if is_end:
                    return
                if is_full and not was_turn and self._source.is_turn():
                    self._read_ahead(page, position, _overlap(wanted_overlap, len(page), check), full_pages)
                # A large page must not stay in memory while the next one is read.
                del page, new_rows, comparison
        finally:
            prefetcher.cancel()

    def _read_ahead(self, page: Page, position: int, overlap: int, full_pages: int) -> None:
        if self._source.in_flight == 1:
            return
        stride = len(page) - overlap
        # A page with fewer rows than usual may be the end of a list that lost many rows.
        is_usual = self._known.is_usual(len(page), self._prefetcher.limit)
        most = pages_ahead(
            most=self._source.in_flight,
            full_pages=full_pages,
            position=position,
            stride=stride,
            page_bytes=len(page.body),
            expected=self._expected if is_usual else None,
            spare=self._source.spare,
        )
        self._prefetcher.prefetch(position - overlap, stride=stride, most=most)


def _overlap(wanted: int, biggest: int, check: OverlapCheck) -> int:
    """Number of rows that the next page should share with the page before."""
    return 0 if check.has_rows_without_id else min(wanted, biggest // 2)
