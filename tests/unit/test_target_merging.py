"""Rows of one key become one row, at a cost that grows with their number only."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

from target_planhat.rows.item import Item
from target_planhat.rows.merging import merge_by_key

if TYPE_CHECKING:
    from collections.abc import Callable


def alike(number: int) -> list[Item]:
    return [Item(b'{"externalId":"k"}', {"externalId": "k"}, ("externalId", "k"), b"{}") for _ in range(number)]


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        kept = work()
        del kept
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_rows_of_one_key_become_one() -> None:
    items = alike(5000)
    (one,) = merge_by_key(items)
    assert one.parts == items
    assert one.body == b'{"externalId":"k"}'


def test_memory_does_not_grow_with_the_square_of_the_rows() -> None:
    assert peak(lambda: merge_by_key(alike(2000))) < 8 * peak(lambda: merge_by_key(alike(500)))


def test_rows_that_became_one_become_one_with_others() -> None:
    first, second, third = alike(3)
    (both,) = merge_by_key([first, second])
    (all_three,) = merge_by_key([both, third])
    assert all_three.parts == [first, second, third]
