"""Lists through real sockets: moving rows, capped pages, refused limits, an order that is not the one asked for."""

from __future__ import annotations

import threading
import time
from itertools import product
from typing import TYPE_CHECKING

import pytest

from planhat_api.lists.known_list import KnownList
from planhat_api.models.registry import all_models, model
from tests.client_support import client_on, sandbox

if TYPE_CHECKING:
    from planhat_api import PlanhatClient

ENDUSERS = model("endusers")
ALL = {"archived": "true"}


def read(client: PlanhatClient, *, limit: int, in_flight: int, known: KnownList | None = None) -> list[str | None]:
    pages = client.pages(ENDUSERS, params=ALL, limit=limit, in_flight=in_flight, known=known)
    return [row_id for page in pages for row_id in page.ids]


@pytest.mark.parametrize(
    ("kind", "in_flight", "sort"), [*product(["both", "inserts", "deletes"], [1, 4], ["honoured", "ignored"])]
)
def test_rows_that_stay_come_once_while_others_come_and_go(kind: str, in_flight: int, sort: str) -> None:
    switches = {"moving_rows": 4, "moving_kind": kind, "sort": sort}
    with sandbox(companies=15, endusers=300, switches=switches) as box, client_on(box) as client:
        before = {row["_id"] for row in box.rows("endusers")}
        ids = read(client, limit=30, in_flight=in_flight)
        stayed = before & {row["_id"] for row in box.rows("endusers")}
        assert len(box.moves) >= 20
        assert len(ids) == len(set(ids))
        assert stayed <= set(ids)


@pytest.mark.parametrize("position", ["cap", "refuse"])
def test_a_server_that_grants_fewer_rows_than_asked_for(position: str) -> None:
    switches = {"page_max": 100, "limit_above_max": position}
    with sandbox(companies=30, endusers=450, switches=switches) as box, client_on(box) as client:
        ids = read(client, limit=2000, in_flight=2)
        assert sorted(map(str, ids)) == sorted(row["_id"] for row in box.rows("endusers"))


@pytest.mark.parametrize("file", [file for file, found in all_models().items() if found.paged])
def test_what_is_asked_for_keeps_to_the_documented_limits(file: str) -> None:
    found = model(file)
    with sandbox(companies=2) as box, client_on(box) as client:
        list(client.pages(found, limit=10**6))
        client.page(found)
        for call in box.calls:
            assert int(call.query["limit"]) <= (found.page.max or 10**6)
            assert ("sort" in call.query) <= found.sortable
        assert int(box.calls[-1].query["limit"]) == found.page.ask


def test_memory_holds_few_pages() -> None:
    """However slow the reader, no more than the pages in flight are fetched ahead of it."""
    with sandbox(companies=30, endusers=600) as box, client_on(box) as client:
        pages = client.pages(ENDUSERS, params=ALL, limit=20, in_flight=3)
        for number, _ in enumerate(pages, start=1):
            time.sleep(0.02)
            assert len(box.calls) <= number + 3
            if number == 8:
                break


@pytest.mark.parametrize(("known", "times"), [(None, 1.8), (KnownList(600, None, trusted=False), 2.5)])
def test_pages_in_flight_hide_latency(known: KnownList | None, times: float) -> None:
    with sandbox(companies=30, endusers=600) as box, client_on(box) as client:
        box.set_faults([{"kind": "latency", "seconds": 0.1, "method": "GET"}])
        took = {}
        for in_flight in (1, 4):
            began = time.monotonic()
            assert len(read(client, limit=30, in_flight=in_flight, known=known)) == 600
            took[in_flight] = time.monotonic() - began
        assert took[1] / took[4] > times


def test_a_client_serves_many_threads() -> None:
    with sandbox(companies=20, endusers=300) as box, client_on(box, parallel_calls=8) as client:
        results: list[int] = []

        def scan() -> None:
            results.append(len(set(read(client, limit=40, in_flight=2))))

        threads = [threading.Thread(target=scan) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [300] * 6
        assert len(box.rows("endusers")) == 300


def test_a_limit_that_planhat_refuses_is_found_out_once_for_a_run() -> None:
    switches = {"page_max": 12_000, "limit_above_max": "refuse"}
    with sandbox(companies=3, switches=switches) as box, client_on(box) as client:
        for first in (20_000, 20_100, 20_200):
            list(client.dimension_data(first_day=first, last_day=first + 50))
        asked = [int(call.query["limit"]) for call in box.calls]
    assert asked == [100_000, 50_000, 20_000, 10_000, 10_000, 10_000]
