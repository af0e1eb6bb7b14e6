"""Remembers which records of a list were read, and tells from a page whether any was passed over.

A list is read by offset while rows come and go. Rows deleted before the offset move all later rows to the left, so that
the next page begins too far on. The memory sees this: each page is asked for with a little overlap, and a page that
shows nothing of what was read last does not follow on from it.
"""

from __future__ import annotations

import operator
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Memory", "Sight"]

_LANDMARK_PAGES = 3


class Sight(NamedTuple):
    """What a page shows.

    Attributes:
        joined: The page follows on from what was read: nothing between the two is left out.
        fresh: Indices of the records not read yet, in order.
    """

    joined: bool
    fresh: Sequence[int]


class Memory:
    """What was read of one list.

    While the list proves to be in order of ``_id``, in either direction, one id is all that need be kept. Otherwise
    every id is kept, and the rows read last serve as landmarks.

    Attributes:
        ordered: Every page so far was in order of ``_id``.
        blind: Rows without ``_id`` were seen; nothing can be told of them.
        unsteady: Rows were seen in places that only a change of order explains.
        shifted: Rows stood further to the right than before, and the list is in no known order: what came before them
            may be a row that had not been read and moved there.
    """

    def __init__(self) -> None:
        """Nothing read yet."""
        self.ordered = True
        self.blind = False
        self.unsteady = False
        self.shifted = False
        self._before: Callable[[str, str], bool] | None = None
        self._ends: list[str] = []
        self._seen: set[bytes | str] = set()
        self._again = False
        self._landmarks: deque[Sequence[str | None]] = deque(maxlen=_LANDMARK_PAGES)

    def look(self, ids: Sequence[str | None], *, at_start: bool) -> Sight:
        """Compare a page with what was read.

        Args:
            ids: ``_id`` of each row of the page.
            at_start: The page begins with the first row of the list, so that nothing can stand before it.
        """
        named = [row_id for row_id in ids if row_id is not None] if None in ids else cast("Sequence[str]", ids)
        self.blind = self.blind or len(named) < len(ids)
        self.ordered = self.ordered and not self.blind and self._keeps_order(named)
        if self.ordered:
            return self._look_in_order(named, at_start=at_start)
        return self._look_around(ids, at_start=at_start)

    def passed(self, ids: Sequence[str | None], fresh: Sequence[str | None]) -> None:
        """Take the page looked at last as read.

        Args:
            ids: ``_id`` of each row of the page.
            fresh: Those not read before.
        """
        self._landmarks.append(ids)
        if not self.ordered:
            self._seen.update(_compact(row_id) for row_id in fresh if row_id is not None)
        elif fresh:
            self._ends = [self._ends[0] if self._ends else str(fresh[0]), str(fresh[-1])]

    def note_shift(self, *, known: int, expected: int) -> None:
        """Take in how many rows of a page were read before.

        Args:
            known: How many were.
            expected: How many would be if no row had moved.
        """
        self.shifted = self.shifted or (not self.ordered and not self._again and known > expected)

    def start_over(self) -> None:
        """The list is read again from its first row; what was read stays known."""
        self._landmarks.clear()
        self._again = True
        self.unsteady = False

    def _keeps_order(self, ids: Sequence[str]) -> bool:
        if self._before is None:
            if len(ids) < 2:  # noqa: PLR2004 - one row alone has no order
                return not self._ends or list(ids) in ([], self._ends[-1:])
            self._before = operator.lt if ids[0] < ids[1] else operator.gt
        return all(map(self._before, ids, ids[1:]))

    def _look_in_order(self, ids: Sequence[str], *, at_start: bool) -> Sight:
        if not self._ends or self._before is None:
            return Sight(joined=True, fresh=range(len(ids)) if not self._ends else ())
        before, last = self._before, self._ends[-1]
        start = next((index for index, row_id in enumerate(ids) if before(last, row_id)), len(ids))
        return Sight(joined=at_start or start > 0, fresh=range(start, len(ids)))

    def _look_around(self, ids: Sequence[str | None], *, at_start: bool) -> Sight:
        fresh = []
        joined = at_start or self.blind or not self._landmarks
        beside_landmark = False
        landmarks = frozenset(chain(*self._landmarks))
        for index, row_id in enumerate(ids):
            if row_id is None:
                fresh.append(index)
            elif row_id in landmarks:
                joined = beside_landmark = True
                self.unsteady = self.unsteady or bool(fresh)
            elif _compact(row_id) in self._seen or (
                self._in_ordered_part(row_id) and (self._again or not beside_landmark)
            ):
                self.unsteady = self.unsteady or bool(fresh)
            else:
                fresh.append(index)
        return Sight(joined=joined, fresh=fresh)

    def _in_ordered_part(self, row_id: str) -> bool:
        """Whether the row may have been read while the list still was in order, when no single ids were kept.

        On the way through the list a row right after rows just read is none of those; later there is no telling.
        """
        return bool(self._ends) and min(self._ends) <= row_id <= max(self._ends)


def _compact(row_id: str) -> bytes | str:
    try:
        return bytes.fromhex(row_id)
    except ValueError:
        return row_id
