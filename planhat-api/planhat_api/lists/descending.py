"""Reads a list in descending order of a field in which rows can be equal."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from planhat_api.lists.prefetch import Prefetcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api.lists.page import Page
    from planhat_api.lists.prefetch import PageSource

    Values = Callable[[Page], Sequence[Any]]
    """Returns the value of each row of a page in the field by which the list is sorted; None for a row without one."""

__all__ = ["UnprovenError", "descending_order", "read_descending"]

_MOST_STEPS_BACK = 20


class UnprovenError(Exception):
    """The read cannot prove that it brought all rows. The message says why."""


def read_descending(source: PageSource, values: Values, *, name: str) -> Iterator[Page]:
    """Read a list from its highest row down, until the caller stops.

    The order of equal rows is not known, and may change from answer to answer (Q22). So each page begins with the row
    above the lowest rows of the last page. If the new page begins with a row above them, they are all in the new page
    or below it. A row that was deleted meanwhile is noticed in the same way. Rows that were already read come again.

    When a page with a row is yielded, every row above it that did not change meanwhile was yielded.

    Args:
        source: How to fetch pages. They are fetched one by one.
        values: Returns the values by which the list is sorted.
        name: Name of the list in the log.

    Raises:
        UnprovenError: The list is not in descending order, or one page cannot hold all equal rows.
    """
    prefetcher = Prefetcher(source, name)
    offset = full = steps_back = 0
    edge: tuple[int, Any] | None = None
    first_is_none = False
    while True:
        page = prefetcher.get(offset, full=full)
        full = min(full, prefetcher.limit)
        found = values(page)
        if edge is None:
            first_is_none = bool(found) and found[0] is None
        order = descending_order(found, none_is_high=first_is_none)
        if offset and not (order and edge is not None and order[0] > edge):
            steps_back += 1
            if steps_back > _MOST_STEPS_BACK:
                message = "rows kept moving during the read"
                raise UnprovenError(message)
            offset = max(0, offset - max(full, 1) * steps_back // 2 - 1)
            continue
        if not order:
            return
        yield page
        has_new_rows = edge is None or order[-1] < edge
        if len(page) < full and not has_new_rows:
            return
        edge = order[-1] if edge is None else min(edge, order[-1])
        full = max(full, len(page))
        row_above = order.index(order[-1]) - 1
        if row_above <= 0:
            _check_end(prefetcher, offset, page, page.ids[-1] if len(page) < prefetcher.limit else None)
            return
        offset += row_above


def descending_order(values: Sequence[Any], *, none_is_high: bool) -> list[tuple[int, Any]]:
    """Values that compare like the rows of one answer.

    Raises:
        UnprovenError: The rows are not in descending order.
    """
    none = (2, 0) if none_is_high else (0, 0)
    order = [none if value is None else (1, value) for value in values]
    if any(above < below for above, below in pairwise(order)):
        message = "the list is not in the requested order"
        raise UnprovenError(message)
    return order


def _check_end(prefetcher: Prefetcher, offset: int, page: Page, last: str | None) -> None:
    """Check that no row follows a page whose rows are all equal, except perhaps the first.

    The last row is requested again. If it is still in its place, no row above it was deleted meanwhile. Such a
    deletion would move an unread row to this place.

    Args:
        prefetcher: Fetches pages.
        offset: Offset of the page.
        page: The page.
        last: ``_id`` of its last row; None if more rows may follow.

    Raises:
        UnprovenError: Rows follow, or may follow.
    """
    end = offset + len(page)
    is_end = last is not None and list(prefetcher.get(end - 1, full=0).ids) == [last]
    if len(page) == 1 and is_end:
        # Planhat may return one row at a time (B27).
        is_end = not len(prefetcher.get(end, full=0))
    if not is_end:
        message = "one answer cannot hold all rows that are equal"
        raise UnprovenError(message)
