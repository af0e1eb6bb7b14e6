"""A page whose answer is too large is asked for again smaller, and nothing is lost or repeated meanwhile."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import AnswerTooLargeError, Page
from planhat_api.lists import prefetch
from planhat_api.lists.paging import read_list
from planhat_api.lists.prefetch import PageSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOM = 100
"""Bytes that the client takes at once, in this module."""


@pytest.fixture(scope="module", autouse=True)
def _small_room() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefetch, "_LIGHT", ROOM // 4)
        yield


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class HeavyList:
    """A list on a server whose rows take up room, and come and go between calls."""

    def __init__(self, sizes: dict[int, int], *, cap: int = 10**6, order: Callable[[int], int] = int) -> None:
        self.sizes = dict(sizes)
        self.always = set(sizes)
        self.cap = cap
        self.order = order
        self.asked: list[tuple[int, int]] = []
        self.refused = 0
        self.moves: Callable[[HeavyList], None] = lambda _: None
        self._lock = Lock()

    def fetch(self, offset: int, limit: int) -> Page:
        with self._lock:
            self.asked.append((offset, limit))
            self.moves(self)
            rows = sorted(self.sizes, key=self.order)[offset : offset + min(limit, self.cap)]
            size = sum(self.sizes[row] for row in rows)
        if size > ROOM:
            self.refused += 1
            message = f"too large: limit {limit}, offset {offset}"
            raise AnswerTooLargeError(message, detail="more than 100 bytes")
        ids = [f"{row:024x}" for row in rows]
        return Page(offset, b"x" * size, [msgspec.Raw(msgspec.json.encode({"_id": key})) for key in ids], ids, len(ids))

    def read(self, pool: ThreadPoolExecutor, *, limit: int, in_flight: int) -> list[int]:
        pages = read_list(PageSource(self.fetch, pool, limit, in_flight), name="rows", sort="_id")
        return [int(row_id or "", 16) for page in pages for row_id in page.ids]


ORDERS: dict[str, Callable[[int], int]] = {
    "ascending": int,
    "descending": lambda row: -row,
    "scattered": lambda row: (row * 7919) % 5003,
}


@settings(max_examples=400)
@given(
    sizes=st.dictionaries(st.integers(0, 3000), st.integers(0, ROOM), max_size=120),
    order=st.sampled_from(sorted(ORDERS)),
    scan=st.fixed_dictionaries(
        {"limit": st.integers(2, 60), "cap": st.integers(2, 60), "in_flight": st.integers(1, 4)}
    ),
)
def test_rows_of_any_size_all_come_once(
    pool: ThreadPoolExecutor, sizes: dict[int, int], order: str, scan: dict[str, int]
) -> None:
    rows = HeavyList(sizes, cap=scan["cap"], order=ORDERS[order])
    read = rows.read(pool, limit=scan["limit"], in_flight=scan["in_flight"])
    assert read == sorted(sizes, key=ORDERS[order])


@st.composite
def moving_scans(draw: st.DrawFn) -> dict[str, int]:
    """Rows of some size, which come and go at a pace that a reader of the smallest pages keeps up with."""
    cap, limit, heaviest = draw(st.integers(2, 60)), draw(st.integers(2, 60)), draw(st.sampled_from([3, 6, 12]))
    smallest = min(cap, limit, ROOM // heaviest // 2)
    return {
        "cap": cap,
        "limit": limit,
        "heaviest": heaviest,
        "heavy_from": draw(st.sampled_from([0, 1000, 2000])),
        "heavy_to": draw(st.sampled_from([1500, 2500, 6000])),
        "inserts": draw(st.sampled_from([0, smallest // 4])),
        "deletes": draw(st.sampled_from([0, smallest // 4])),
        "in_flight": draw(st.integers(1, 4)),
        "seed": draw(st.integers(0, 10**6)),
    }


def size_of(row: int, scan: dict[str, int], chance: random.Random) -> int:
    return (
        chance.randint(scan["heaviest"] // 2, scan["heaviest"]) if scan["heavy_from"] <= row <= scan["heavy_to"] else 0
    )


def moving(scan: dict[str, int], chance: random.Random) -> Callable[[HeavyList], None]:
    def move(rows: HeavyList) -> None:
        # Not for ever: a reader of a list that grows faster than it reads would never end.
        if len(rows.asked) == 1 or len(rows.asked) > 90:
            return
        for _ in range(chance.randint(0, scan["deletes"])):
            if rows.sizes:
                gone = chance.choice(list(rows.sizes))
                del rows.sizes[gone]
                rows.always.discard(gone)
        for _ in range(chance.randint(0, scan["inserts"])):
            new = chance.randint(0, 5000)
            if new not in rows.always:
                rows.sizes.setdefault(new, size_of(new, scan, chance))

    return move


@settings(max_examples=600)
@given(number=st.integers(0, 200), order=st.sampled_from(sorted(ORDERS)), scan=moving_scans())
def test_rows_of_any_size_that_move_meanwhile_are_neither_missed_nor_repeated(
    pool: ThreadPoolExecutor, number: int, order: str, scan: dict[str, int]
) -> None:
    chance = random.Random(scan["seed"])
    ids = chance.sample(range(3000), number)
    rows = HeavyList({row: size_of(row, scan, chance) for row in ids}, cap=scan["cap"], order=ORDERS[order])
    rows.moves = moving(scan, chance)
    read = rows.read(pool, limit=scan["limit"], in_flight=scan["in_flight"])
    assert len(read) == len(set(read))
    assert rows.always <= set(read)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_row_that_is_too_large_by_itself_ends_the_list_after_the_rows_before_it(
    pool: ThreadPoolExecutor, in_flight: int
) -> None:
    rows = HeavyList({row: 1 if row != 30 else ROOM + 1 for row in range(60)})
    pages = read_list(PageSource(rows.fetch, pool, 16, in_flight), name="rows", sort="_id")
    read: list[str | None] = []
    with pytest.raises(AnswerTooLargeError, match="limit 1, offset 30"):
        read.extend(key for page in pages for key in page.ids)
    assert [int(key or "", 16) for key in read] == list(range(30))


@pytest.mark.parametrize("in_flight", [1, 4])
def test_pages_grow_again_after_a_few_heavy_rows(pool: ThreadPoolExecutor, in_flight: int) -> None:
    light = dict.fromkeys(range(3000), 0)
    heavy = HeavyList({**light, **dict.fromkeys(range(1000, 1010), ROOM // 2)})
    assert heavy.read(pool, limit=100, in_flight=in_flight) == list(range(3000))
    plain = HeavyList(light)
    plain.read(pool, limit=100, in_flight=in_flight)
    assert len(heavy.asked) < len(plain.asked) + 40


@pytest.mark.parametrize("in_flight", [1, 4])
def test_pages_that_are_all_heavy_stay_small(pool: ThreadPoolExecutor, in_flight: int) -> None:
    rows = HeavyList(dict.fromkeys(range(400), 3))
    assert rows.read(pool, limit=64, in_flight=in_flight) == list(range(400))
    assert rows.refused <= in_flight
    assert {limit for _, limit in rows.asked} == {64, 32}


def test_a_cap_of_the_server_is_halved_where_it_is_what_bounds_the_page(pool: ThreadPoolExecutor) -> None:
    rows = HeavyList({row: 1 if row < 100 else 15 for row in range(200)}, cap=10)
    assert rows.read(pool, limit=2000, in_flight=1) == list(range(200))
    assert rows.refused == 1


def test_going_back_over_rows_just_read_is_not_the_end_of_a_list_whose_pages_have_become_small(
    pool: ThreadPoolExecutor,
) -> None:
    rows = HeavyList({row: 0 if row < 120 else 20 for row in range(200)})

    def one_goes(list_: HeavyList) -> None:
        if len(list_.asked) in {8, 12, 16}:
            gone = min(list_.always)
            del list_.sizes[gone]
            list_.always.discard(gone)

    rows.moves = one_goes
    read = rows.read(pool, limit=40, in_flight=1)
    assert len(read) == len(set(read))
    assert rows.always <= set(read)
