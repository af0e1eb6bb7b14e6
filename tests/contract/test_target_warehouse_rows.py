"""Rows and columns as warehouses and loaders write them arrive, and what cannot arrive is named."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import InputError, SettingsError
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
    finished = run(box, sent, max_rejects="100%")
    assert time.perf_counter() - start < 2
    assert finished.verdicts() == {"p1": "rejected", "p2": "created"}
    assert finished.reasons() == {"p1": "name does not fit the schema of the stream (pattern)"}


def test_a_schema_that_is_none_ends_the_run_before_its_first_row(box: Sandbox) -> None:
    sent = companies({"name": {"type": "strng"}}, {"external_id": "s1", "name": "secret"})
    finished = run(box, sent, max_rejects="100%")
    assert isinstance(finished.error, InputError)
    assert "stream 'companies': the schema of column 'name' is not JSON Schema: type is 'strng'" in str(finished.error)
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
    finished = run(box, companies({"name": TEXT, "renewal_date": {}}, *rows), max_rejects="100%")
    send = "send ISO 8601, such as 2024-02-29T10:00:00Z, or milliseconds since 1970"
    assert finished.reasons() == {
        "n1": f"renewalDate: a number that looks like seconds since 1970; {send} (its form: '9999999999')",
        "n2": f"renewalDate: a number that looks like days since 1970; {send} (its form: '99999')",
        "n3": f"renewalDate: a number that is not a date; {send} (its form: '{'9' * 24}'…)",
    }


def test_the_days_that_the_tap_writes_are_taken_where_days_are_meant() -> None:
    with Sandbox(companies=5, seed=1) as box:
        read = tap_run(config_for(box), "invoices")
        days = [record["dueDate"] for record in read.records["invoices"]]
        assert days
        assert all(isinstance(day, int) for day in days)
        assert set(run(box, read.messages).verdicts().values()) == {"unchanged"}


LOADERS = {
    "_dlt_id": TEXT,
    "_airbyte_raw_id": TEXT,
    "_fivetran_synced": TEXT,
    "_fivetran_deleted": {"type": ["boolean", "null"]},
}
MARKED: list[dict[str, Any]] = [
    {"external_id": "L-1", "name": "One", "_dlt_id": "a", "_fivetran_deleted": False},
    {"external_id": "L-2", "name": "Two", "_fivetran_deleted": True},
]
MAPS = {"companies": {"name": "name"}}


@pytest.mark.parametrize("through_the_sdk", [{}, {"stream_maps": MAPS}], ids=["short way", "stream map"])
@pytest.mark.parametrize("declared", [LOADERS, {}], ids=["declared", "undeclared"])
def test_columns_of_loaders_are_left_out_and_their_marks_delete_nothing(
    declared: dict[str, Any], through_the_sdk: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sent = companies({"name": TEXT, **declared}, *MARKED, {**MARKED[1], "external_id": "L-3"})
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, sent, hard_delete=True, **through_the_sdk)
        assert finished.verdicts() == {"L-1": "created", "L-2": "created", "L-3": "created"}
        assert set(held(box, "L-2")).isdisjoint(LOADERS)
    told = [record for record in caplog.messages if "_fivetran_deleted" in record and "marks rows" in record]
    (once,) = told
    assert once.startswith("Column _fivetran_deleted marks rows of companies as deleted, but they are sent like all ")
    assert once.endswith("To use the mark, set streams.companies.deleted_column: _fivetran_deleted")
    assert len([record for record in caplog.messages if "_dlt_id" in record and "left out" in record]) == 1


@pytest.mark.parametrize("through_the_sdk", [{}, {"stream_maps": MAPS}], ids=["short way", "stream map"])
@pytest.mark.parametrize(
    ("hard_delete", "verdicts"),
    [
        (False, {"L-1": "created", "L-2": "skipped", "L-3": "skipped"}),
        (True, {"L-1": "created", "L-2": "deleted", "L-3": "skipped"}),
    ],
)
def test_the_mark_that_the_settings_name_is_heeded(
    hard_delete: bool,  # noqa: FBT001 # a table
    verdicts: dict[str, str],
    through_the_sdk: dict[str, Any],
) -> None:
    columns = {"name": TEXT, **LOADERS, "_sdc_deleted_at": TEXT}
    marked = [*MARKED, {"external_id": "L-3", "name": "Three", "_sdc_deleted_at": "2024-05-14T00:00:00Z"}]
    block = {"companies": {"deleted_column": "_FIVETRAN_DELETED"}}
    with Sandbox(companies=1, seed=1) as box:
        run(box, companies({"name": TEXT}, {"external_id": "L-2", "name": "Two"}))
        finished = run(box, companies(columns, *marked), hard_delete=hard_delete, streams=block, **through_the_sdk)
        assert finished.verdicts() == verdicts
        assert ("L-2" in {row.get("externalId") for row in box.rows("companies")}) is not hard_delete


@pytest.mark.parametrize("value", [None, False, 0, "", " FALSE ", "f", "n", "no", "0", [], {}], ids=repr)
def test_what_stands_for_false_marks_nothing(box: Sandbox, value: object) -> None:
    sent = companies({"name": {}, "gone": {}}, {"external_id": "k", "name": "Kept", "gone": value})
    finished = run(box, sent, hard_delete=True, streams={"companies": {"deleted_column": "gone"}})
    assert finished.verdicts()["k"] in {"created", "unchanged"}


def test_a_singer_mark_in_the_case_of_the_warehouse_is_heeded(box: Sandbox) -> None:
    sent = companies({"name": {}, "_SDC_DELETED_AT": {}}, {"external_id": "u", "_SDC_DELETED_AT": "2024-05-14"})
    assert run(box, sent).verdicts() == {"u": "skipped"}


def test_rows_that_cannot_be_deleted_take_no_mark(box: Sandbox) -> None:
    sent = [schema("metrics", ["dimension_id", "value", "external_id", "gone"])]
    finished = run(box, sent, streams={"metrics": {"deleted_column": "gone"}})
    assert isinstance(finished.error, SettingsError)
    assert "streams.metrics.deleted_column: rows that go to" in str(finished.error)


@pytest.mark.parametrize("columns", ["undeclared", "custom"])
def test_columns_that_come_unannounced_are_told_of_once_and_not_by_the_thousand(
    box: Sandbox, columns: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    odd = {f"Odd {number}": 1 for number in range(500)}
    more = odd if columns == "undeclared" else {"custom": odd}
    rows = [{"external_id": f"o{number}", "name": "A", **more} for number in range(3)]
    finished = run(box, companies({"name": TEXT, "custom": {}}, *rows), unknown_columns="leave_out")
    assert len(finished.verdicts()) == 3
    told = [record for record in caplog.messages if "left out" in record]
    assert len(told) == len(set(told)) == 11
    assert told[-1] == "Further columns of companies are left out but not logged"
