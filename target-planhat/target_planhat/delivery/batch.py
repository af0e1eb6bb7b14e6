"""Gathers the rows that go to one model, in the order in which they came in, whatever their stream."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from planhat_api.bulk.call_groups import call_groups
from target_planhat.rows.merging import collapse

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_planhat.rows.item import Item

__all__ = ["Batch"]


class Batch:
    """Rows that wait to be sent together, of one stream or of several."""

    def __init__(self, most_rows: int, most_bytes: int, *, collapses: bool, one_row_per_key: bool) -> None:
        """Gather nothing yet.

        Args:
            most_rows: Rows that go out together.
            most_bytes: Size of their body in one call.
            collapses: Whether rows with the same key become one.
            one_row_per_key: Whether rows that share any other key must not go out together.
        """
        self._most_rows = most_rows
        self._most_bytes = most_bytes - len("[]")
        self._collapses = collapses
        self._one_row_per_key = one_row_per_key
        self._start([])

    def _start(self, items: list[Item]) -> None:
        self._items = items
        self._refused = 0
        self._overflowed = False
        self._room = self._most_rows - len(items)
        self._room_bytes = self._most_bytes - sum(len(item.body) + 1 for item in items)

    def __len__(self) -> int:
        """Records since the last batch, those that were rejected before they were sent included."""
        return len(self._items) + self._refused

    @property
    def is_full(self) -> bool:
        """Whether it has reached its number of rows or bytes."""
        return self._room <= 0 or self._room_bytes <= 0

    @property
    def is_under_pressure(self) -> bool:
        """Whether rows must go out to make room for others, and not because all of them have to."""
        return self.is_full or self._overflowed

    def add(self, items: list[Item]) -> list[Item]:
        """Take as many rows as there is room for; give back the others."""
        sizes = list(accumulate([len(item.body) + 1 for item in items[: max(0, self._room)]]))
        cut = bisect_right(sizes, self._room_bytes)
        if cut == 0 and not self._items and sizes:
            # A row that is too large for any batch goes alone.
            cut = 1
        if cut:
            self._room -= cut
            self._room_bytes -= sizes[cut - 1]
            self._items += items[:cut]
        self._overflowed = cut < len(items)
        return items[cut:]

    def refuse(self) -> None:
        """Count a record that was rejected before it was sent."""
        self._refused += 1
        self._room -= 1

    def keep(self, chosen: Callable[[Item], bool]) -> None:
        """Keep only the rows that are chosen."""
        self._start([item for item in self._items if chosen(item)])

    def take(self, *, everything: bool) -> tuple[list[Item], bool]:
        """Take the rows out to be sent; tell also whether it is sure that no two of them share a key.

        Args:
            everything: Take all of them. Otherwise rows that share a key with an earlier one stay for the next batch,
                if they are the fewer ones: in this one they would cost a call of their own (B64, B90).
        """
        items = collapse(self._items) if self._collapses else self._items
        groups = call_groups(items) if self._one_row_per_key else []
        distinct = self._one_row_per_key and len(groups) <= 1
        later: list[Item] = []
        if len(groups) > 1 and not everything and len(groups[0]) >= len(items) / 2:
            first, *others = groups
            later = [items[place] for place in sorted(chain.from_iterable(others))]
            items, distinct = [items[place] for place in first], True
        self._start(later)
        return items, distinct
