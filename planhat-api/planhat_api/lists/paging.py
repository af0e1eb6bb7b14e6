"""Reads a whole list in pages, while rows come and go (B28 to B30)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.lists.ahead import Ahead
from planhat_api.lists.overlap import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planhat_api.lists.ahead import Source
    from planhat_api.lists.page import Page

__all__ = ["read_list"]

_log = logging.getLogger("planhat_api")


_QUIET_PASSES = 3
"""How many passes in a row have to bring nothing new where the order of the list changes from page to page."""
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
    ahead = Ahead(source, name)
    yield from _one_pass(ahead, memory, name)
    if not memory.ordered and doubt:
        doubt("the list was not in order of _id")
    if not memory.ordered and sort == "_id":
        _log.warning("%s: Planhat does not honour sort=_id; rows that move while the list is read may be missed", name)
    wanted = _QUIET_PASSES if memory.unsteady else int(memory.shifted)
    quiet = passes = 0
    while quiet < wanted and passes < _MOST_PASSES:
        passes += 1
        _log.warning("%s: rows of the list changed their places; reading it again for what was missed", name)
        found = 0
        memory.start_over()
        for page in _one_pass(ahead, memory, name):
            found += len(page.raw)
            yield page
        quiet = 0 if found else quiet + 1
        wanted = _QUIET_PASSES if memory.unsteady else wanted


def _one_pass(ahead: Ahead, memory: Memory, name: str) -> Iterator[Page]:
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
            memory.note_shift(known=len(page) - len(sight.fresh), expected=position - offset)
            position = offset + len(page)
            if len(page) >= biggest:
                overlap = _overlap(wanted_overlap, len(page), memory)
                ahead.plan(position - overlap, stride=len(page) - overlap, cap_known=biggest > 0)
            biggest = max(biggest, len(page))
            fresh = page.at(sight.fresh)
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
