"""Reading a list while it moves: what was there all the time comes once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import Page, PayloadError
from planhat_api.paging import Source, read_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class MovingList:
    """A list on a server: rows come and go between calls."""

    def __init__(self, ids: list[int], *, order: Callable[[list[int]], list[int]], cap: int, limit_refused: int) -> None:
        self.ids = list(ids)
        self.always = set(ids)
        self.order = order
        self.cap = cap
        self.limit_refused = limit_refused
        self.calls = 0
        self.moves: Callable[[MovingList], None] = lambda _: None

    def fetch(self, offset: int, limit: int) -> Page:
        if limit > self.limit_refused:
            message = "limit"
            raise PayloadError(message, status=400)
        self.calls += 1
        self.moves(self)
        rows = self.order(self.ids)[offset : offset + min(limit, self.cap)]
        bodies = [msgspec.json.encode({"_id": f"{row:024x}"}) for row in rows]
        return Page(offset, b"", [msgspec.Raw(body) for body in bodies], [f"{row:024x}" for row in rows], len(rows))

    def read(self, pool: ThreadPoolExecutor, *, limit: int = 10, in_flight: int = 1) -> list[int]:
        pages = read_list(Source(self.fetch, pool, limit, in_flight), name="rows", sort=None)
        return [int(row_id or "", 16) for page in pages for row_id in page.ids]


ORDERS: dict[str, Callable[[list[int]], list[int]]] = {
    "ascending": sorted,
    "descending": lambda ids: sorted(ids, reverse=True),
    "scattered": lambda ids: sorted(ids, key=lambda row: (row * 7919) % 1009),
    "mostly ascending": lambda ids: sorted(ids, key=lambda row: row if row % 17 else row + 20),
}


def moving(inserts: int, deletes: int, seed: int) -> Callable[[MovingList], None]:
    chance = random.Random(seed)

    def move(rows: MovingList) -> None:
        if rows.calls == 1:
            return
        for _ in range(chance.randint(0, deletes)):
            if rows.ids:
                gone = chance.choice(rows.ids)
                rows.ids.remove(gone)
                rows.always.discard(gone)
        for _ in range(chance.randint(0, inserts)):
            new = chance.randint(0, 5000)
            if new not in rows.ids and new not in rows.always:
                rows.ids.append(new)

    return move


@settings(max_examples=400, deadline=None)
@given(
    ids=st.sets(st.integers(0, 3000), max_size=120).map(sorted),
    order=st.sampled_from(["ascending", "descending"]),
    cap=st.integers(2, 40),
    limit=st.integers(2, 40),
    inserts=st.integers(0, 3),
    deletes=st.integers(0, 6),
    in_flight=st.integers(1, 4),
    seed=st.integers(),
)
def test_nothing_that_stays_is_missed_and_nothing_comes_twice(
    pool: ThreadPoolExecutor,
    ids: list[int],
    order: str,
    cap: int,
    limit: int,
    inserts: int,
    deletes: int,
    in_flight: int,
    seed: int,
) -> None:
    rows = MovingList(ids, order=ORDERS[order], cap=cap, limit_refused=10**6)
    rows.moves = moving(inserts, deletes, seed)
    read = rows.read(pool, limit=limit, in_flight=in_flight)
    assert len(read) == len(set(read))
    assert rows.always <= set(read)
