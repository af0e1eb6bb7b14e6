"""Reads a whole list in pages while rows are inserted and deleted (B28 to B30)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.lists.overlap import OverlapCheck
from planhat_api.lists.prefetch import Prefetcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planhat_api.lists.page import Page
    from planhat_api.lists.prefetch import PageSource

__all__ = ["read_list"]

_log = logging.getLogger("planhat_api")


_QUIET_PASSES = 3
"""If the order of a list changes from page to page, so many successive passes must bring nothing new."""
_MOST_PASSES = 20


def read_list(
    source: PageSource, *, name: str, sort: str | None, doubt: Callable[[str], None] | None = None
) -> Iterator[Page]:
    """Read a list to its end.

    Each page after the first overlaps the one before it. It is used only if the overlap shows that there is no gap:
    when rows are deleted meanwhile, later rows move towards the beginning, and a reader without overlap would miss
    some. No row that exists during the whole read is missed, and none comes twice, if the list is in order of ``_id``,
    or if it keeps another order and shows this in its first page. If the order changes from page to page, that is
    noticed, and the list is read again until a pass brings nothing new.

    The end is a page that could hold more rows and brings nothing new. A page that is only shorter than requested may
    be limited by Planhat (B27).

    If an answer is too large, the page and the ones after it are requested with half the rows, until pages become small
    enough again.

    Args:
        source: How to fetch pages.
        name: Name of the list in the log.
        sort: The requested order. It only decides whether there is a warning if the list is not in order of ``_id``.
        doubt: Called with the reason if rows may be missing, because the list was not in order of ``_id``.

    Raises:
        AnswerTooLargeError: A single row is too large.
    """
    check = OverlapCheck()
    prefetcher = Prefetcher(source, name)
    yield from _one_pass(prefetcher, check, name)
    if not check.ordered and doubt:
        doubt("the list was not in order of _id")
    if not check.ordered and sort == "_id":
        _log.warning("%s: Planhat ignores sort=_id; rows that move while the list is read may be missed", name)
    wanted = _QUIET_PASSES if check.order_changed else int(check.rows_shifted)
    quiet = passes = 0
    while quiet < wanted and passes < _MOST_PASSES:
        passes += 1
        _log.warning("%s: rows moved within the list; reading it again to find missed rows", name)
        found = 0
        check.start_over()
        for page in _one_pass(prefetcher, check, name):
            found += len(page.raw)
            yield page
        quiet = 0 if found else quiet + 1
        wanted = _QUIET_PASSES if check.order_changed else wanted


def _one_pass(prefetcher: Prefetcher, check: OverlapCheck, name: str) -> Iterator[Page]:
    position = 0  # Of the first row that was not read yet.
    wanted_overlap = 1
    back = 0
    biggest = 0
    try:
        while True:
            overlap = _overlap(wanted_overlap, biggest, check)
            offset = max(0, position - max(overlap, back))
            page = prefetcher.get(offset, full=biggest)
            # Pages are smaller after an answer that was too large.
            biggest = min(biggest, prefetcher.limit)
            if not len(page) and (offset == 0 or offset >= position):
                return
            comparison = check.compare(page.ids, at_start=offset == 0 or overlap == 0)
            if not len(page) or not comparison.no_gap:
                # Rows before the offset were deleted, so the next rows have moved towards the beginning.
                back = max(2 * back, biggest // 2, 1)
                wanted_overlap = min(4 * wanted_overlap, max(biggest // 4, 1))
                _log.debug("%s: rows moved before offset %d; going back by %d", name, offset, back)
                prefetcher.cancel()
                continue
            back = 0
            check.note_shift(known=len(page) - len(comparison.new), expected=position - offset)
            position = offset + len(page)
            if len(page) >= biggest:
                overlap = _overlap(wanted_overlap, len(page), check)
                prefetcher.prefetch(position - overlap, stride=len(page) - overlap, cap_known=biggest > 0)
            biggest = max(biggest, len(page))
            new_rows = page.at(comparison.new)
            check.add_page(page.ids, new_rows.ids)
            if new_rows.raw:
                yield new_rows
            elif len(page) < biggest:
                return
    finally:
        prefetcher.cancel()


def _overlap(wanted: int, biggest: int, check: OverlapCheck) -> int:
    """Number of rows that the next page should share with the page before."""
    return 0 if check.has_rows_without_id else min(wanted, biggest // 2)
