"""What it costs to look at what Planhat holds, and what that saves."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import records, run, schema, stream

if TYPE_CHECKING:
    from tests.target_support import Finished

    Rows = list[dict[str, Any]]

KEYED = {"streams": {"endusers": {"key": "externalId"}}}
NO_QUOTA = {"calls_per_minute": 0, "calls_per_second": 0}
UNNAMED = {**NO_QUOTA, "error_items": "text"}
UNREAD = {"kind": "status", "status": 403, "method": "GET"}


def calls(box: Sandbox, method: str, path: str) -> int:
    return sum((call.method, call.path) == (method, path) for call in box.calls)


def shuffled(rows: Rows) -> Rows:
    random.Random(1).shuffle(rows)
    return rows


def again(box: Sandbox, path: str, rows: Rows, **settings: Any) -> Finished:
    """What a second run makes of the same rows."""
    run(box, stream(path, rows), max_rejects="100%", **settings)
    box.forget_calls()
    return run(box, stream(path, rows), max_rejects="100%", **settings)


@pytest.mark.parametrize("failure", ["400_nothing", "400_partial", "206"])
@pytest.mark.parametrize("path", ["assets", "endusers"])
def test_rows_of_companies_that_are_missing(path: str, failure: str) -> None:
    """The list of companies tells which they are."""
    with Sandbox(companies=100, endusers=1, switches={**UNNAMED, "bulk_failure": failure}) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = shuffled(
            [
                {"external_id": f"a{n}", "name": "n", "company_id": "extid-nowhere" if n < 60 else ids[n % 100]}
                for n in range(1000)
            ]
        )
        finished = run(box, stream(path, rows), max_rejects="100%")
        assert finished.summary == {path: {"created": 940, "rejected": 60}}
        assert calls(box, "PUT", path) <= 3
        assert calls(box, "GET", "leancompanies") <= 1


def test_addresses_that_several_endusers_have() -> None:
    """The keys that are read hold these addresses twice."""
    with Sandbox(companies=5, endusers=1, switches=UNNAMED) as box:
        company = box.rows("companies")[0]["_id"]
        twins = [
            {"source_id": f"t{side}-{n}", "email": f"p{n}@x.example", "company_id": company}
            for side in (0, 1)
            for n in range(60)
        ]
        run(box, stream("endusers", twins))
        rows = shuffled([{"email": f"p{n}@x.example", "company_id": company, "position": "z"} for n in range(1000)])
        finished = again(box, "endusers", rows)
        assert finished.summary == {"endusers": {"unchanged": 940, "rejected": 60}}
        assert calls(box, "PUT", "endusers") <= 3


def silent(number: int, unknown: int) -> Rows:
    return shuffled(
        [
            {"external_id": f"e{n}", "email": f"p{n}@{f'nowhere{n}' if n < unknown else 'company1'}.example"}
            for n in range(number)
        ]
    )


@pytest.mark.parametrize("status", [403, 500])
def test_a_list_that_cannot_be_read_is_not_asked_for_at_each_step(status: int) -> None:
    with Sandbox(companies=20, endusers=1, switches=NO_QUOTA) as box:
        refused = {**UNREAD, "status": status}
        box.set_faults([{**refused, "path": path} for path in ("companies", "endusers")])
        finished = again(box, "endusers", silent(500, 30), timeout_seconds=2, **KEYED)
        assert finished.error is None
        tries = 1 if status == 403 else 3
        assert calls(box, "GET", "companies") <= tries
        assert calls(box, "GET", "endusers") <= tries


@pytest.mark.parametrize("faults", [[], [{**UNREAD, "path": "leancompanies"}]], ids=["", "blind"])
def test_a_look_is_not_dearer_than_what_it_saves(faults: Rows) -> None:
    """To find 8 bad rows of 20 takes at most 37 calls; the model holds 60 pages."""
    switches = {**UNNAMED, "page_max": 100, "updated_at_on_equal": "kept"}
    with Sandbox(companies=20, endusers=6_000, switches=switches) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [{"external_id": f"e{n}", "company_id": "extid-nowhere" if n < 8 else ids[0]} for n in range(20)]
        box.set_faults(faults)
        finished = again(box, "endusers", rows)
        assert finished.summary == {"endusers": {"unchanged": 12, "rejected": 8}}
        assert calls(box, "GET", "endusers") <= 38


@pytest.mark.parametrize("path", ["assets", "endusers"])
def test_keys_are_not_read_for_each_batch_when_companies_tell(path: str) -> None:
    switches = {**UNNAMED, "answer_keys": "id_only"}
    with Sandbox(companies=20, endusers=5_000, switches=switches) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [
            {"external_id": f"e{n}", "name": "n", "company_id": ids[n % 20] if n % 10 else "extid-nowhere"}
            for n in range(1000)
        ]
        finished = run(box, stream(path, rows), max_rejects="100%", batch_size_rows=100)
        assert finished.summary[path]["rejected"] == 100
        assert sum(finished.summary[path].values()) == 1000
        assert calls(box, "GET", path) == 0
        assert calls(box, "PUT", path) <= 2 * 10


@pytest.mark.parametrize("sort", ["honoured", "ignored"])
@pytest.mark.parametrize("key", ["external_id", "email"])
def test_keys_are_read_once_and_then_only_the_newest(key: str, sort: str) -> None:
    """A call for each batch tells what came since the keys were read, if the list can be sorted."""
    switches = {**UNNAMED, "answer_keys": "id_only", "updated_at_on_equal": "kept", "sort": sort}
    with Sandbox(companies=20, endusers=5_000, switches=switches) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        form = "{}@x.example" if key == "email" else "{}"
        rows = [
            {key: form.format(f"e{n}"), "company_id": ids[n % 20] if n % 10 else "extid-nowhere"} for n in range(1000)
        ]
        box.set_faults([{**UNREAD, "path": "leancompanies"}])
        for delivered in ("created", "unchanged"):
            box.forget_calls()
            finished = run(box, stream("endusers", rows), max_rejects="100%", batch_size_rows=100)
            assert finished.summary["endusers"] == {delivered: 900, "rejected": 100}
            assert calls(box, "PUT", "endusers") <= 2 * 10
            assert calls(box, "GET", "endusers") <= (4 + 9 if sort == "honoured" or delivered == "unchanged" else 50)


def test_companies_that_did_not_change_do_not_outdate_their_domains() -> None:
    with Sandbox(companies=20, endusers=1, switches=NO_QUOTA) as box:
        messages = [schema("companies", ["external_id", "name"]), schema("endusers", ["external_id", "email"])]
        for batch in range(10):
            messages += records("companies", [{"external_id": f"c{batch}", "name": "n"}])
            rows = [
                {"external_id": f"e{batch}-{n}", "email": f"p{batch}-{n}@{'company1' if n else 'nowhere'}.example"}
                for n in range(50)
            ]
            messages += records("endusers", rows)
        for _ in range(2):
            box.forget_calls()
            run(box, messages, batch_size_rows=50, max_rejects="100%", **KEYED)
        assert calls(box, "GET", "companies") <= 2


def test_rows_that_all_land_cost_no_look() -> None:
    with Sandbox(companies=20, endusers=1, switches=NO_QUOTA) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [{"external_id": f"e{n}", "company_id": ids[n % 20]} for n in range(500)]
        run(box, stream("endusers", rows), batch_size_rows=50)
        assert {call.method for call in box.calls} == {"PUT"}
        assert calls(box, "PUT", "endusers") == 10
