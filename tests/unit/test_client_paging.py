"""Reading a list while it moves: what was there all the time comes once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import Page, PayloadError, UnavailableError
from planhat_api.lists import overlap
from planhat_api.lists.paging import read_list
from planhat_api.lists.prefetch import PageSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class MovingList:
    """A list on a server: rows come and go between calls."""

    def __init__(
        self, ids: list[int], *, order: Callable[[list[int]], list[int]], cap: int, limit_refused: int
    ) -> None:
        self.ids = list(ids)
        self.always = set(ids)
        self.order = order
        self.cap = cap
        self.limit_refused = limit_refused
        self.calls = 0
        self.lock = Lock()
        self.moves: Callable[[MovingList], None] = lambda _: None

    def fetch(self, offset: int, limit: int) -> Page:
        with self.lock:
            return self._page(offset, limit)

    def _page(self, offset: int, limit: int) -> Page:
        if limit > self.limit_refused:
            message = "limit"
            raise PayloadError(message, status=400)
        self.calls += 1
        self.moves(self)
        rows = self.order(self.ids)[offset : offset + min(limit, self.cap)]
        bodies = [msgspec.json.encode({"_id": f"{row:024x}"}) for row in rows]
        return Page(offset, b"", [msgspec.Raw(body) for body in bodies], [f"{row:024x}" for row in rows], len(rows))

    def read(self, pool: ThreadPoolExecutor, *, limit: int = 10, in_flight: int = 1) -> list[int]:
        pages = read_list(PageSource(self.fetch, pool, limit, in_flight), name="rows", sort=None)
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
        # Not for ever: a reader of a list that grows faster than it reads would never end.
        if rows.calls == 1 or rows.calls > 60:
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


IDS = st.sets(st.integers(0, 3000), max_size=150).map(sorted)


@st.composite
def scans(draw: st.DrawFn) -> dict[str, int]:
    """A page size, and rows that come and go at a pace a reader can keep up with."""
    cap, limit = draw(st.integers(2, 40)), draw(st.integers(2, 40))
    pace = min(cap, limit) // 4
    return {
        "cap": cap,
        "limit": limit,
        "inserts": draw(st.integers(0, pace)),
        "deletes": draw(st.integers(0, pace)),
        "in_flight": draw(st.integers(1, 4)),
        "seed": draw(st.integers(0, 10**6)),
    }


@settings(max_examples=400, deadline=None)
@given(ids=IDS, order=st.sampled_from(["ascending", "descending", "scattered"]), scan=scans())
def test_nothing_that_stays_is_missed_and_nothing_comes_twice(
    pool: ThreadPoolExecutor, ids: list[int], order: str, scan: dict[str, int]
) -> None:
    rows = MovingList(ids, order=ORDERS[order], cap=scan["cap"], limit_refused=10**6)
    rows.moves = moving(scan["inserts"], scan["deletes"], scan["seed"])
    read = rows.read(pool, limit=scan["limit"], in_flight=scan["in_flight"])
    assert len(read) == len(set(read))
    assert rows.always <= set(read)


@pytest.mark.parametrize("kept", [1000, 3])
@settings(max_examples=100, deadline=None)
@given(ids=IDS, scan=scans(), still=st.booleans())
def test_an_order_that_breaks_late_repeats_nothing(
    pool: ThreadPoolExecutor, ids: list[int], scan: dict[str, int], kept: int, *, still: bool
) -> None:
    """However few ids of the last page are kept."""
    with patch.object(overlap, "_KEPT_IN_ORDER", kept):
        _break_late(pool, ids, scan, still=still)


def _break_late(pool: ThreadPoolExecutor, ids: list[int], scan: dict[str, int], *, still: bool) -> None:
    rows = MovingList(ids, order=ORDERS["mostly ascending"], cap=scan["cap"], limit_refused=10**6)
    if not still:
        rows.moves = moving(scan["inserts"], scan["deletes"], scan["seed"])
    read = rows.read(pool, limit=scan["limit"], in_flight=scan["in_flight"])
    assert len(read) == len(set(read))
    assert not still or rows.always == set(read)


@pytest.mark.parametrize("order", sorted(ORDERS))
@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (1, 2), (10, 2), (100, 12)])
def test_a_list_that_stands_still_takes_few_calls_and_keeps_its_order(
    pool: ThreadPoolExecutor, order: str, rows: int, calls: int
) -> None:
    still = MovingList(list(range(rows)), order=ORDERS[order], cap=100, limit_refused=10**6)
    assert still.read(pool, limit=10) == ORDERS[order](list(range(rows)))
    assert still.calls == calls


def test_an_order_that_changes_with_each_call_is_read_until_nothing_new_turns_up(pool: ThreadPoolExecutor) -> None:
    chance = random.Random(7)
    rows = MovingList(list(range(60)), order=lambda ids: chance.sample(ids, len(ids)), cap=100, limit_refused=10**6)
    assert sorted(rows.read(pool, limit=10)) == list(range(60))


@pytest.mark.parametrize("most", [100, 15])
def test_a_refused_limit_is_lowered(pool: ThreadPoolExecutor, most: int) -> None:
    rows = MovingList(list(range(300)), order=sorted, cap=10**6, limit_refused=most)
    assert rows.read(pool, limit=5000) == list(range(300))


def test_a_list_that_is_refused_whatever_the_limit_says_so(pool: ThreadPoolExecutor) -> None:
    rows = MovingList(list(range(300)), order=sorted, cap=10**6, limit_refused=0)
    with pytest.raises(PayloadError):
        rows.read(pool, limit=5000)


def test_pages_on_the_way_are_no_more_than_allowed(pool: ThreadPoolExecutor) -> None:
    rows = MovingList(list(range(200)), order=sorted, cap=10**6, limit_refused=10**6)
    pages = read_list(PageSource(rows.fetch, pool, 10, 3), name="rows", sort="_id")
    next(pages)
    pool.submit(int).result()
    assert rows.calls <= 4


def test_rows_without_an_id_all_come(pool: ThreadPoolExecutor) -> None:
    bodies = [msgspec.Raw(b'{"name":"x"}')] * 25

    def fetch(offset: int, limit: int) -> Page:
        rows = bodies[offset : offset + limit]
        return Page(offset, b"", rows, [None] * len(rows), len(rows))

    pages = read_list(PageSource(fetch, pool, 10, 2), name="rows", sort="_id")
    assert sum(len(page.raw) for page in pages) == 25


def test_an_unsorted_list_is_said_to_be_one(pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture) -> None:
    rows = MovingList(list(range(50)), order=ORDERS["scattered"], cap=10**6, limit_refused=10**6)
    list(read_list(PageSource(rows.fetch, pool, 10, 1), name="GET rows", sort="_id"))
    assert "GET rows: Planhat ignores sort=_id" in caplog.text


def test_a_page_that_planhat_cannot_send_in_time_is_requested_with_fewer_rows(pool: ThreadPoolExecutor) -> None:
    """A page of dimension data may hold 100,000 rows. It is not known whether Planhat can always send so many."""
    rows = MovingList(list(range(25_000)), order=sorted, cap=10**6, limit_refused=10**6)
    tried: list[int] = []
    works: list[int] = []

    def fetch(offset: int, limit: int) -> Page:
        tried.append(limit)
        if limit > 10_000:
            message = "no answer"
            raise UnavailableError(message, reached_planhat=True)
        return rows.fetch(offset, limit)

    source = PageSource(fetch, pool, 100_000, 4, note_limit=works.append)
    read = [row_id for page in read_list(source, name="rows", sort="_id") for row_id in page.ids]
    assert len(read) == 25_000
    assert tried[:2] == [100_000, 10_000]
    assert set(tried[1:]) == {10_000}
    assert works == [10_000]


@pytest.mark.parametrize(("limit", "reached"), [(10_000, True), (100_000, False)])
def test_a_planhat_that_is_not_there_is_not_asked_for_fewer_rows(
    pool: ThreadPoolExecutor, limit: int, *, reached: bool
) -> None:
    tried: list[int] = []

    def fetch(_offset: int, limit: int) -> Page:
        tried.append(limit)
        message = "no answer"
        raise UnavailableError(message, reached_planhat=reached)

    with pytest.raises(UnavailableError):
        list(read_list(PageSource(fetch, pool, limit, 4), name="rows", sort="_id"))
    assert tried == [limit]
