"""A list whose end an earlier read proved is read without the call that proves it, and loses no row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import TYPE_CHECKING

import msgspec
import pytest

from planhat_api import Page
from planhat_api.lists.known_list import KnownList, ListRead
from planhat_api.lists.paging import read_list
from planhat_api.lists.prefetch import PageSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LISTS = 3000
"""How many lists are simulated, each through several runs."""

RUNS_TO_PROOF = 7
"""After so many runs, a run proves the end with a call again: a run a day, a proof a week."""


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@dataclass
class Server:
    """A list on a server, which returns at most ``cap`` rows, whatever is requested.

    Attributes:
        rows: The ids of its rows.
        cap: The most rows of an answer.
        sorts: Whether it honours the requested order of ``_id``.
        always: The rows that were there during the whole of the present read.
        moves: Changes the list before each call after the first.
    """

    rows: set[int]
    cap: int
    sorts: bool = True
    always: set[int] = field(default_factory=set)
    moves: Callable[[Server], None] = lambda _: None
    asked: list[tuple[int, int]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def fetch(self, sort: str, offset: int, limit: int) -> Page:
        with self._lock:
            if self.asked:
                self.moves(self)
            self.asked.append((offset, limit))
            ids = sorted(self.rows, reverse=sort.startswith("-") and self.sorts)
            part = [f"{row:024x}" for row in ids[offset : offset + min(limit, self.cap)]]
        raw = [msgspec.Raw(msgspec.json.encode({"_id": each})) for each in part]
        return Page(offset, b"", raw, part, len(part))


@dataclass
class Reader:
    """Reads the list of a server again and again, and remembers what it showed, as the state of a tap does."""

    server: Server
    limit: int
    in_flight: int
    pool: ThreadPoolExecutor
    known: KnownList | None = None
    runs_since_proof: int = 0

    def read(self, *, proof: bool = False) -> list[int]:
        """The rows of one run."""
        known = self.known
        if known and (proof or self.runs_since_proof >= RUNS_TO_PROOF):
            known = KnownList(known.rows, known.lowest, known.page_rows, trusted=False)
        sort = "-_id" if known and known.trusted else "_id"
        found = ListRead()
        server = self.server
        server.always, server.asked = set(server.rows), []
        source = PageSource(
            lambda offset, limit: server.fetch(sort, offset, limit), self.pool, self.limit, self.in_flight
        )
        pages = read_list(source, name="rows", sort=sort, known=known, found=found)
        rows = [int(row_id or "", 16) for page in pages for row_id in page.ids]
        assert found.rows == len(rows)
        self.runs_since_proof = 0 if found.proved else self.runs_since_proof + 1
        self.known = KnownList(len(rows), found.lowest, found.page_rows)
        return rows


def fewest_calls(rows: int, limit: int) -> int:
    """Calls that carry the rows, if each page after the first shows one row again."""
    return 1 if rows <= limit else 1 + -(-(rows - limit) // (limit - 1))


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("rows", [0, 2, 9, 10, 11, 55, 400])
def test_a_list_that_stands_still_costs_only_the_calls_that_carry_its_rows(
    pool: ThreadPoolExecutor, rows: int, in_flight: int
) -> None:
    server = Server(set(range(rows)), cap=10**6)
    reader = Reader(server, 10, in_flight, pool)
    assert sorted(reader.read()) == list(range(rows))
    first = len(server.asked)
    # The last page may be full, so that only one more page shows that it was the last.
    is_full = rows >= 10 and (rows - 1) % 9 == 0
    for _ in range(3):
        assert sorted(reader.read()) == list(range(rows))
        assert len(server.asked) == fewest_calls(rows, 10) + is_full
    in_vain = min(3, fewest_calls(rows, 10) // 2) if in_flight > 1 else 0
    assert first <= fewest_calls(rows, 10) + (rows > 0) + in_vain


def test_new_rows_come_without_a_call_more(pool: ThreadPoolExecutor) -> None:
    server = Server(set(range(20)), cap=10**6)
    reader = Reader(server, 100, 1, pool)
    reader.read()
    server.rows |= {20, 21, 22}
    assert sorted(reader.read()) == list(range(23))
    assert len(server.asked) == 1


@pytest.mark.parametrize("limit", [100, 1000])
def test_a_cap_that_becomes_lower_ends_no_read_too_early(pool: ThreadPoolExecutor, limit: int) -> None:
    server = Server(set(range(500)), cap=10**6)
    reader = Reader(server, limit, 1, pool)
    reader.read()
    for cap in (90, 7, 2, 499, 500):
        server.cap = cap
        server.rows.add(max(server.rows) + 1)
        assert set(reader.read()) == server.rows


def test_without_the_row_that_was_the_lowest_a_call_proves_the_end(pool: ThreadPoolExecutor) -> None:
    server = Server(set(range(20)), cap=20)
    reader = Reader(server, 100, 1, pool)
    reader.read()
    server.rows -= {0}
    server.rows |= {20}
    assert set(reader.read()) == server.rows
    assert len(server.asked) == 2
    assert set(reader.read()) == server.rows
    assert len(server.asked) == 1


@pytest.mark.parametrize("cap", [12, 15, 25, 29, 30, 31])
def test_many_rows_that_come_in_below_all_others_are_all_read(pool: ThreadPoolExecutor, cap: int) -> None:
    server = Server(set(range(20, 30)), cap=10**6)
    reader = Reader(server, 1000, 1, pool)
    reader.read()
    server.rows |= set(range(20))
    server.cap = cap
    assert set(reader.read()) == server.rows


@pytest.mark.parametrize("in_flight", [1, 4, 50])
def test_a_list_that_lost_most_rows_is_not_read_ahead(pool: ThreadPoolExecutor, in_flight: int) -> None:
    server = Server(set(range(600)), cap=10**6)
    reader = Reader(server, 5000, in_flight, pool)
    reader.read()
    server.rows = set(range(595, 600))
    assert set(reader.read()) == server.rows
    assert len(server.asked) == 2


def test_a_list_in_another_order_is_proved_with_a_call(pool: ThreadPoolExecutor) -> None:
    server = Server(set(range(20)), cap=20, sorts=False)
    reader = Reader(server, 100, 1, pool)
    reader.read()
    for new in (20, 21):
        server.rows.add(new)
        assert set(reader.read()) == server.rows


def test_a_read_whose_absences_are_acted_on_proves_the_end(pool: ThreadPoolExecutor) -> None:
    server = Server(set(range(5, 20)), cap=15)
    reader = Reader(server, 100, 1, pool)
    reader.read()
    server.rows.add(1)
    assert set(reader.read(proof=True)) == server.rows


def change(server: Server, dice: Random, gone: set[int]) -> None:
    """Rows come, go and come back, as they do between two runs or two calls."""
    for _ in range(dice.choice([0, 0, 1, 3])):
        if server.rows:
            row = dice.choice(sorted(server.rows))
            server.rows.discard(row)
            server.always.discard(row)
            gone.add(row)
    for _ in range(dice.choice([0, 1, 1, 5])):
        server.rows.add(max(server.rows | gone, default=1000) + dice.randint(1, 3))
    if gone and dice.random() < 0.2:
        back = dice.choice(sorted(gone))
        gone.discard(back)
        server.rows.add(back)
    if dice.random() < 0.05:
        # An id that is lower than all others, as of a row that another list hid until now.
        server.rows.add(dice.randint(1, 900))


def simulate(seed: int, pool: ThreadPoolExecutor) -> Mapping[str, int]:
    """The runs of one list; how many of them ended without a call, and how many rows came later than possible."""
    dice = Random(seed)
    gone: set[int] = set()
    limit = dice.choice([5, 10, 40])
    caps = [2, 3, 5, 7, 10, 12, 20, 39, 40, 10**6]
    server = Server({1000 + row for row in range(dice.choice([0, 1, 2, 4, 10, 19, 39, 60]))}, cap=dice.choice(caps))
    if dice.random() < 0.5:
        # The worst case: the cap is exactly the length of the list.
        server.cap = max(2, len(server.rows))
    server.sorts = dice.random() < 0.9
    reader = Reader(server, limit, dice.choice([1, 1, 4]), pool)
    late: set[int] = set()
    ended_without, came_late = 0, 0
    for run in range(12):
        changes_meanwhile = dice.random() < 0.3
        budget = [6]

        def moves(moved: Server, *, active: bool = changes_meanwhile, budget: list[int] = budget) -> None:
            # Not for ever: a reader of a list that grows faster than it reads would never end.
            budget[0] -= 1
            if active and budget[0] > 0 and dice.random() < 0.5:
                change(moved, dice, gone)

        server.moves = moves
        known = reader.known
        trusted = known is not None and reader.runs_since_proof < RUNS_TO_PROOF
        read = reader.read()
        missed = server.always - set(read)
        assert len(read) == len(set(read)), f"seed {seed}, run {run}: a row came twice"
        if reader.runs_since_proof == 0:
            assert not missed, f"seed {seed}, run {run}: a read that proved its end missed {missed}"
            late.clear()
        else:
            ended_without += 1
            assert trusted
            lowest = int(known.lowest or "", 16) if known else 0
            # Only rows below the lowest one can hide, behind a page that ends exactly there.
            assert all(row < lowest for row in missed), f"seed {seed}, run {run}: {missed} missed, above {lowest}"
            assert not missed or (min(read) == lowest and server.cap <= limit)
            came_late += len(missed - late)
            late |= missed
        change(server, dice, gone)
        if dice.random() < 0.1:
            server.cap = dice.choice([*caps, max(2, len(server.rows))])
    read = reader.read(proof=True)
    assert server.always <= set(read), f"seed {seed}: a proof does not bring what came late"
    return {"ended_without": ended_without, "came_late": came_late}


def test_simulated_lists_lose_no_row(pool: ThreadPoolExecutor) -> None:
    results = [simulate(seed, pool) for seed in range(LISTS)]
    assert sum(result["ended_without"] for result in results) > 4 * LISTS
    # Half of the lists begin with a cap that is as long as they are, and many rows come in below all others. Even so,
    # few come late.
    assert sum(result["came_late"] for result in results) < 0.05 * sum(result["ended_without"] for result in results)


def test_an_answer_that_is_in_order_by_chance_is_not_trusted(pool: ThreadPoolExecutor) -> None:
    """A server that does not sort shows it if the first read came in another order than requested."""
    order = [5, 3]

    class Unsorted(Server):
        def fetch(self, sort: str, offset: int, limit: int) -> Page:
            del sort
            part = [f"{row:024x}" for row in order[offset : offset + min(limit, self.cap)]]
            raw = [msgspec.Raw(msgspec.json.encode({"_id": each})) for each in part]
            return Page(offset, b"", raw, part, len(part))

    reader = Reader(Unsorted(set(order), cap=2), 100, 1, pool)
    assert reader.read() == order
    order += [7, 8, 9, 10]
    assert sorted(reader.read()) == sorted(order)
