"""The calls of one reader are counted for that reader, also while others make calls with the same client."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from planhat_api.http.call import CallTally
from planhat_api.models.registry import model
from tests.client_support import client_on, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from planhat_api import Page, PlanhatClient

COMPANIES, ENDUSERS, USERS = model("companies"), model("endusers"), model("users")
READERS: dict[str, Callable[[PlanhatClient, CallTally], Iterable[Page]]] = {
    "endusers": lambda client, tally: client.pages(ENDUSERS, limit=3, tally=tally),
    "companies": lambda client, tally: [client.first_rows(COMPANIES, limit=2, sort="-_id", tally=tally)],
    "users": lambda client, tally: [client.page(USERS, limit=1, tally=tally)],
    "leancompanies": lambda client, tally: [client.lean_companies(tally=tally)],
    "dimensiondata": lambda client, tally: client.dimension_data(first_day=0, last_day=99_999, limit=9, tally=tally),
    "customfields": lambda client, tally: client.pages(model("customfields"), limit=2, tally=tally),
}


def test_lists_that_are_read_at_the_same_time_are_counted_apart() -> None:
    tallies = {path: CallTally() for path in READERS}
    with sandbox() as box, client_on(box, parallel_calls=8) as client:
        threads = [
            threading.Thread(target=lambda path=path: list(READERS[path](client, tallies[path]))) for path in READERS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made = [call.path.strip("/") for call in box.calls]
    assert {path: tally.calls for path, tally in tallies.items()} == {path: made.count(path) for path in READERS}
    assert tallies["endusers"].calls > 2
    assert sum(tally.calls for tally in tallies.values()) == client.calls


@pytest.mark.parametrize("path", READERS)
def test_calls_that_are_made_again_are_counted(path: str) -> None:
    tally = CallTally()
    with sandbox() as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "status": 503, "path": path, "times": 2}])
        list(READERS[path](client, tally))
        statuses = [call.status for call in box.calls]
    assert statuses.count(503) == 2
    assert tally.calls == client.calls == len(statuses) > 2


def test_a_tally_counts_every_call_of_many_threads() -> None:
    tally = CallTally()

    def count() -> None:
        for _ in range(5_000):
            tally.add()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.calls == 20_000
