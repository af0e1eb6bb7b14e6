"""Checks that each page of a list follows the page before it without a gap.

A list is read by offset while rows are inserted and deleted. When rows before the offset are deleted, all later rows
move towards the beginning, and the next page begins too late. The overlap shows this: each page is requested so that it
begins with some rows of the page before, and if it contains none of them, rows between the two pages may be missing.
"""

from __future__ import annotations

import operator
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Comparison", "OverlapCheck"]

_LAST_PAGES = 3
_KEPT_IN_ORDER = 1000
"""Ids of the last page that are kept while the list is in order."""


class Comparison(NamedTuple):
    """How a page compares with the rows that were read before.

    Attributes:
        no_gap: Whether the page follows the rows read before without a gap.
        new: Indices of the rows that were not read before, in order.
    """

    no_gap: bool
    new: Sequence[int]


class OverlapCheck:
    """Compares the pages of one list with the rows that were read before.

    As long as the list is in order of ``_id``, ascending or descending, it keeps only one id. Otherwise it keeps every
    id, and compares the overlap with the last pages.

    Attributes:
        ordered: Whether every page so far was in order of ``_id``.
        has_rows_without_id: Whether there were rows without ``_id``, which cannot be compared.
        order_changed: Whether rows were in positions that only a change of the order explains.
        rows_shifted: Whether rows moved towards the end while the list is in no known order. An unread row may have
            moved to a place before them.
    """

    def __init__(self) -> None:
        """Start before the first page."""
        self.ordered = True
        self.has_rows_without_id = False
        self.order_changed = False
        self.rows_shifted = False
        self._before: Callable[[str, str], bool] | None = None
        self._ends: list[str] = []
        self._seen: set[bytes | str] = set()
        self._repeated = False
        self._last_pages: deque[Sequence[str | None]] = deque(maxlen=_LAST_PAGES)

    @property
    def ascending(self) -> bool:
        """Whether the list is in ascending order of ``_id``, as far as it shows. A single row has no order."""
        return self.ordered and self._before is not operator.gt

    @property
    def descending(self) -> bool:
        """Whether every page so far was in descending order of ``_id``. A single row has no order."""
        return self.ordered and self._before is operator.gt

    @property
    def lowest(self) -> str | None:
        """The lowest ``_id`` that was read; None if there is none, or if the list is not in order of ``_id``."""
        return min(self._ends) if self.ordered and self._ends else None

    def compare(self, ids: Sequence[str | None], *, at_start: bool) -> Comparison:
        """Compare a page with the rows that were read before.

        Args:
            ids: ``_id`` of each row of the page.
            at_start: Whether the page begins with the first row of the list, so that no row can be before it.
        """
        named = [row_id for row_id in ids if row_id is not None] if None in ids else cast("Sequence[str]", ids)
        self.has_rows_without_id = self.has_rows_without_id or len(named) < len(ids)
        self.ordered = self.ordered and not self.has_rows_without_id and self._keeps_order(named)
        if self.ordered:
            return self._compare_ordered(named, at_start=at_start)
        return self._compare_unordered(ids, at_start=at_start)

    def add_page(self, ids: Sequence[str | None], new: Sequence[str | None]) -> None:
        """Note the rows of the last page as read.

        Args:
            ids: ``_id`` of each row of the page.
            new: Those that were not read before.
        """
        if not self.ordered:
            self._last_pages.append(ids)
            self._seen.update(_compact(row_id) for row_id in new if row_id is not None)
            return
        # They only serve to find out where the order breaks, and the ids of large pages take much memory.
        self._last_pages.clear()
        self._last_pages.append(ids[-_KEPT_IN_ORDER:])
        if new:
            self._ends = [self._ends[0] if self._ends else str(new[0]), str(new[-1])]

    def note_shift(self, *, known: int, expected: int) -> None:
        """Note whether rows moved towards the end of the list.

        Args:
            known: Number of rows of the page that were read before.
            expected: What this number would be if no row had moved.
        """
        self.rows_shifted = self.rows_shifted or (not self.ordered and not self._repeated and known > expected)

    def start_over(self) -> None:
        """Start again with the first row of the list. The rows that were read stay known."""
        self._last_pages.clear()
        self._repeated = True
        self.order_changed = False

    def _keeps_order(self, ids: Sequence[str]) -> bool:
        if self._before is None:
            if len(ids) < 2:  # noqa: PLR2004 - a single row has no order
                return not self._ends or list(ids) in ([], self._ends[-1:])
            self._before = operator.lt if ids[0] < ids[1] else operator.gt
        return all(map(self._before, ids, ids[1:]))

    def _compare_ordered(self, ids: Sequence[str], *, at_start: bool) -> Comparison:
        if not self._ends or self._before is None:
            return Comparison(no_gap=True, new=range(len(ids)) if not self._ends else ())
        before, last = self._before, self._ends[-1]
        start = next((index for index, row_id in enumerate(ids) if before(last, row_id)), len(ids))
        return Comparison(no_gap=at_start or start > 0, new=range(start, len(ids)))

    def _compare_unordered(self, ids: Sequence[str | None], *, at_start: bool) -> Comparison:
        new = []
        no_gap = at_start or self.has_rows_without_id or not self._last_pages
        after_known = False
        recent = frozenset(chain(*self._last_pages))
        for index, row_id in enumerate(ids):
            if row_id is None:
                new.append(index)
            elif row_id in recent:
                no_gap = after_known = True
                self.order_changed = self.order_changed or bool(new)
            elif _compact(row_id) in self._seen or (
                self._in_ordered_part(row_id) and (self._repeated or not after_known)
            ):
                self.order_changed = self.order_changed or bool(new)
            else:
                new.append(index)
        return Comparison(no_gap=no_gap, new=new)

    def _in_ordered_part(self, row_id: str) -> bool:
        """Whether the row may have been read while the list was still in order, when single ids were not kept.

        During the first pass, a row directly after rows of the last pages was not read before. Later this is uncertain.
        """
        return bool(self._ends) and min(self._ends) <= row_id <= max(self._ends)


def _compact(row_id: str) -> bytes | str:
    try:
        return bytes.fromhex(row_id)
    except ValueError:
        return row_id
