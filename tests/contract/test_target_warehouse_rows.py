"""Rows and columns as warehouses and loaders write them arrive, and what cannot arrive is named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import InputError
from tests.tap_support import config_for
from tests.tap_support import run as tap_run
from tests.target_support import Message, records, run, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = {"type": ["string", "null"]}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1) as sandbox:
        yield sandbox


def companies(columns: dict[str, Any], *rows: dict[str, Any]) -> list[Message]:
    return [schema("companies", {"external_id": TEXT, **columns}, "external_id"), *records("companies", rows)]


def held(box: Sandbox, external_id: str) -> dict[str, Any]:
    return next(row for row in box.rows("companies") if row.get("externalId") == external_id)


def test_a_pattern_that_hangs_other_engines_costs_one_row(box: Sandbox) -> None:
    sent = companies(
        {"name": {"type": "string", "pattern": "^(a+)+$"}},
        {"external_id": "p1", "name": "a" * 40 + "!"},
        {"external_id": "p2", "name": "aaa"},
    )
    start = time.perf_counter()
    finished = run(box, sent, on_reject="continue")
    assert time.perf_counter() - start < 2
    assert finished.verdicts() == {"p1": "rejected", "p2": "created"}
    assert finished.reasons() == {"p1": "name does not fit the schema of the stream (pattern)"}


def test_a_schema_that_is_none_ends_the_run_before_its_first_row(box: Sandbox) -> None:
    sent = companies({"name": {"type": "strng"}}, {"external_id": "s1", "name": "secret"})
    finished = run(box, sent, on_reject="continue")
    assert isinstance(finished.error, InputError)
    assert str(finished.error).startswith(
        "stream 'companies': the schema of column 'name' is not JSON Schema: type is 'strng'; the types of JSON Schema"
    )
    assert finished.receipts == []


def test_dates_that_a_stream_map_makes_are_the_texts_they_are_written_as(box: Sandbox) -> None:
    sent = companies({"name": TEXT}, {"external_id": "m1", "name": "A"})
    maps = {
        "companies": {"renewal_date": "datetime.datetime(2024, 2, 29)", "__else__": None, "external_id": "external_id"}
    }
    maps["companies"] |= {"name": "name"}
    finished = run(box, sent, stream_maps=maps)
    assert finished.verdicts() == {"m1": "created"}
    assert held(box, "m1")["renewalDate"] == "2024-02-29T00:00:00.000Z"


def test_timestamps_as_warehouses_write_them_arrive(box: Sandbox) -> None:
    texts = [
        "2024-02-29 10:00:00 UTC",
        "2024-02-29 10:00:00.000 +0000",
        "2024-02-29 10:00:00.123456 Z",
        "2024-02-29T10:00:00+00",
    ]
    rows = [{"external_id": f"t{place}", "name": "A", "renewal_date": text} for place, text in enumerate(texts)]
    finished = run(box, companies({"name": TEXT, "renewal_date": TEXT}, *rows))
    assert set(finished.verdicts().values()) == {"created"}
    assert [held(box, f"t{place}")["renewalDate"] for place in range(4)] == [
        "2024-02-29T10:00:00.000Z",
        "2024-02-29T10:00:00.000Z",
        "2024-02-29T10:00:00.123Z",
        "2024-02-29T10:00:00.000Z",
    ]


def test_numbers_that_are_no_dates_are_told_what_they_look_like(box: Sandbox) -> None:
    rows = [
        {"external_id": "n1", "name": "A", "renewal_date": 1_709_164_800},
        {"external_id": "n2", "name": "A", "renewal_date": 19_782},
        {"external_id": "n3", "name": "A", "renewal_date": 10**400},
    ]
    finished = run(box, companies({"name": TEXT, "renewal_date": {}}, *rows), on_reject="continue")
    send = "send ISO 8601, such as 2024-02-29T10:00:00Z, or milliseconds since 1970"
    assert finished.reasons() == {
        "n1": f"renewalDate: a number that looks like seconds since 1970; {send}",
        "n2": f"renewalDate: a number that looks like days since 1970; {send}",
        "n3": f"renewalDate: a number that is no date; {send}",
    }


def test_the_days_that_the_tap_writes_are_taken_where_days_are_meant() -> None:
    with Sandbox(companies=5, seed=1) as box:
        read = tap_run(config_for(box), "invoices")
        days = [record["dueDate"] for record in read.records["invoices"]]
        assert days
        assert all(isinstance(day, int) for day in days)
        assert set(run(box, read.messages).verdicts().values()) == {"unchanged"}
