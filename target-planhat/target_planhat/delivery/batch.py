"""Collects the rows of one model until they are sent. They keep their order, also if they are of several streams."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple

from planhat_api.bulk.call_groups import call_groups
from target_planhat.delivery.call_limit import CallLimit, size_of
from target_planhat.rows.merging import merge_by_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_planhat.rows.item import Item

__all__ = ["Batch", "TakenRows"]


class TakenRows(NamedTuple):
    """Rows that leave a batch.

    Attributes:
        gathered: Rows that were compared before, and came back to wait until a call is full.
        items: Later rows.
        distinct: Whether certainly no two of all these rows share a key.
    """

    gathered: list[Item]
    items: list[Item]
    distinct: bool


class Batch:
    """Rows of one or several streams that will be sent together.

    Attributes:
        limit: The most rows that are sent together. As many rows may be gathered in addition.
    """

    def __init__(self, most_rows: int, most_bytes: int, *, merges_by_key: bool, one_row_per_key: bool) -> None:
        """Start with an empty batch.

        Args:
            most_rows: Rows that are sent together at most.
            most_bytes: Size of their body in one call at most.
            merges_by_key: Whether rows with the same key are merged into one.
            one_row_per_key: Whether rows that share any other key must not be sent together.
        """
        self.limit = CallLimit(most_rows, most_bytes - len("[]"))
        self._merges_by_key = merges_by_key
        self._one_row_per_key = one_row_per_key
        self._gathered: list[Item] = []
        self._lent = 0
        self._start([])

    def _start(self, items: list[Item]) -> None:
        self._items = items
        self._refused = 0
        self._overflowed = False
        self._room = self.limit.rows - len(items)
        self._room_bytes = self.limit.size - sum(map(size_of, items))

    def __len__(self) -> int:
        """Records since the last batch, including those that were rejected before they could be sent.

        Gathered rows are included, and rows that may come back.
        """
        return len(self._items) + self._refused + len(self._gathered) + self._lent

    @property
    def is_full(self) -> bool:
        """Whether the limit of rows or bytes is reached."""
        return self._room <= 0 or self._room_bytes <= 0

    @property
    def has_gathered(self) -> bool:
        """Whether it has gathered rows, or rows that may come back."""
        return bool(self._gathered or self._lent)

    @property
    def needs_room(self) -> bool:
        """Whether rows are sent now only because there is no room for the next rows."""
        return self.is_full or self._overflowed

    def add(self, items: list[Item]) -> list[Item]:
        """Add as many rows as there is room for. Return the others."""
        sizes = list(accumulate(map(size_of, items[: max(0, self._room)])))
        cut = bisect_right(sizes, self._room_bytes)
        if cut == 0 and not self._items and sizes:
            # A row that is too large for any batch is sent alone.
            cut = 1
        if cut:
            self._room -= cut
            self._room_bytes -= sizes[cut - 1]
            self._items += items[:cut]
        self._overflowed = cut < len(items)
        return items[cut:]

    def refuse(self) -> None:
        """Count a record that was rejected before it could be sent."""
        self._refused += 1
        self._room -= 1

    def keep(self, chosen: Callable[[Item], bool]) -> None:
        """Keep only the chosen rows."""
        self._gathered = [item for item in self._gathered if chosen(item)]
        self._start([item for item in self._items if chosen(item)])

    def lend(self, number: int) -> None:
        """Note that so many rows may come back."""
        self._lent = number

    def give_back(self, items: list[Item]) -> None:
        """Put those rows that come back before all others. No two of them share a key."""
        self._lent = 0
        self._gathered = items

    def take_rows(self, *, everything: bool) -> TakenRows:
        """Remove the rows that are to be sent now.

        Args:
            everything: Take all rows. Otherwise, rows that share a key with an earlier row stay for the next batch, if
                they are the smaller part of those that are not gathered: in this batch they would need an extra call
                (B64, B90).
        """
        items = [*self._gathered, *self._items]
        items = merge_by_key(items) if self._merges_by_key else items
        groups = call_groups(items) if self._one_row_per_key else []
        distinct = self._one_row_per_key and len(groups) <= 1
        later: list[Item] = []
        gathered = {id(item) for item in self._gathered}
        if len(groups) > 1 and not everything:
            first, *others = groups
            places = sorted(chain.from_iterable(others))
            if 2 * len(places) <= sum(id(item) not in gathered for item in items):
                later = [items[place] for place in places]
                items, distinct = [items[place] for place in first], True
        taken = TakenRows(
            [item for item in items if id(item) in gathered] if gathered else [],
            [item for item in items if id(item) not in gathered] if gathered else items,
            distinct,
        )
        self._gathered = []
        self._start(later)
        return taken
