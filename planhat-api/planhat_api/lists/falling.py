"""Reads a list in falling order of a field in which rows can be equal."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from planhat_api.lists.ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api.lists.ahead import Source
    from planhat_api.lists.page import Page

    Values = Callable[[Page], Sequence[Any]]
    """The value of each row of a page in the field the list is sorted by; None where it has none."""

__all__ = ["UnprovenError", "falling_order", "read_falling"]

_MOST_STEPS_BACK = 20


class UnprovenError(Exception):
    """The rows read are not proven to be all. The text says why."""


def read_falling(source: Source, values: Values, *, name: str) -> Iterator[Page]:
    """Read a list from its highest row down, as far as the caller goes on.

    In which order equal rows stand is not known, and may be another one in the next answer (Q22). So each page begins
    with the row above the last page's lowest rows: it is seen to stand above them, hence they are all in the new page
    or below it. Rows deleted meanwhile show in the same way. Rows that were read already come again.

    Once a page holds a row, every row above it that did not change meanwhile was handed out.

    Args:
        source: Where pages come from. They are fetched one by one.
        values: Tells what the list is sorted by.
        name: What the log calls the list.

    Raises:
        UnprovenError: The list does not fall, or more rows than one page holds are equal.
    """
    ahead = Ahead(source, name)
    offset = full = steps_back = 0
    edge: tuple[int, Any] | None = None
    first_is_none = False
    while True:
        page = ahead.take(offset, full=full)
        full = min(full, ahead.limit)
        found = values(page)
        if edge is None:
            first_is_none = bool(found) and found[0] is None
        order = falling_order(found, none_is_high=first_is_none)
        if offset and not (order and edge is not None and order[0] > edge):
            steps_back += 1
            if steps_back > _MOST_STEPS_BACK:
                message = "rows moved all the time"
                raise UnprovenError(message)
            offset = max(0, offset - max(full, 1) * steps_back // 2 - 1)
            continue
        if not order:
            return
        yield page
        brings_news = edge is None or order[-1] < edge
        if len(page) < full and not brings_news:
            return
        edge = order[-1] if edge is None else min(edge, order[-1])
        full = max(full, len(page))
        row_above = order.index(order[-1]) - 1
        if row_above <= 0:
            _check_end(ahead, offset + len(page), page.ids[-1] if len(page) < ahead.limit else None)
            return
        offset += row_above


def falling_order(values: Sequence[Any], *, none_is_high: bool) -> list[tuple[int, Any]]:
    """What compares as the rows of one answer stand.

    Raises:
        UnprovenError: They do not fall.
    """
    none = (2, 0) if none_is_high else (0, 0)
    order = [none if value is None else (1, value) for value in values]
    if any(above < below for above, below in pairwise(order)):
        message = "the list is not in the order asked for"
        raise UnprovenError(message)
    return order


def _check_end(ahead: Ahead, end: int, last: str | None) -> None:
    """Make sure that nothing follows on a page of rows that are all equal, but for the first at most.

    The last row is asked for again. If it stands where it stood, no row above it was deleted meanwhile, which would
    move a row that nobody has seen to its place.

    Args:
        ahead: Fetches pages.
        end: Where the page ends.
        last: ``_id`` of its last row; None when more rows may follow.

    Raises:
        UnprovenError: Something follows, or nobody can tell.
    """
    if last is None or list(ahead.take(end - 1, full=0).ids) != [last]:
        message = "more rows than one answer holds are equal"
        raise UnprovenError(message)
