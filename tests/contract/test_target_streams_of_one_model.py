"""Streams that go to one model keep the order of their records: of rows with the same key, the last one wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_sandbox import Sandbox
from tests.target_support import records, run, schema, state

if TYPE_CHECKING:
    from tests.target_support import Message

ACCOUNTS = {"streams": {"accounts": {"model": "companies"}}}
COLUMNS = ("external_id", "source_id", "name")


def schemas(*streams: str) -> list[Message]:
    return [schema(stream, COLUMNS, "external_id") for stream in streams]


def name_of(box: Sandbox, external_id: str) -> str | None:
    return next((row["name"] for row in box.rows("companies") if row.get("externalId") == external_id), None)


@pytest.mark.parametrize("order", [("accounts", "companies"), ("companies", "accounts")])
@pytest.mark.parametrize("size", [1, 2, 5000])
def test_the_last_record_wins_whatever_its_stream(order: tuple[str, str], size: int) -> None:
    with Sandbox(companies=2) as box:
        rows = [("accounts", "first"), ("companies", "second"), ("accounts", "third")]
        sent = [message for stream, name in rows for message in records(stream, [{"external_id": "r1", "name": name}])]
        finished = run(box, [*schemas(*order), *sent, state(3)], batch_size_rows=size, **ACCOUNTS)
        assert name_of(box, "r1") == "third"
        assert finished.states == [3]
        assert sum(sum(counts.values()) for counts in finished.summary.values()) == 3


def test_streams_of_one_model_share_their_calls() -> None:
    with Sandbox(companies=2) as box:
        sent = []
        for number in range(50):
            sent += records("accounts", [{"external_id": f"a{number}", "name": "A"}])
            sent += records("companies", [{"external_id": f"c{number}", "name": "C"}])
        finished = run(box, [*schemas("accounts", "companies"), *sent], **ACCOUNTS)
        assert finished.summary == {"accounts": {"created": 50}, "companies": {"created": 50}}
        assert [call.rows for call in box.calls if call.method == "PUT"] == [100]


def test_each_stream_keeps_its_own_mode() -> None:
    blocks = {"accounts": {"model": "companies", "mode": "update"}, "companies": {"mode": "insert"}}
    with Sandbox(companies=2) as box:
        held = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
        sent = [
            *records("accounts", [{"external_id": held, "name": "updated"}, {"external_id": "new", "name": "no"}]),
            *records("companies", [{"external_id": held, "name": "no"}, {"external_id": "new", "name": "inserted"}]),
            *records("accounts", [{"external_id": "new", "name": "updated after"}]),
        ]
        finished = run(box, [*schemas("accounts", "companies"), *sent], streams=blocks)
        assert (name_of(box, held), name_of(box, "new")) == ("updated", "updated after")
        assert finished.summary["companies"] == {"created": 1, "skipped": 1}
        assert finished.summary["accounts"] == {"updated": 2, "skipped": 1}


@pytest.mark.parametrize("last", ["copy", "companies"])
def test_a_stream_that_a_map_copies_keeps_the_order_too(last: str) -> None:
    maps = {
        "accounts": {"__alias__": "companies_of_accounts"},
        "copy": {"__source__": "accounts", "name": "name + ' (copy)'"},
    }
    blocks = {name: {"model": "companies"} for name in ("companies_of_accounts", "copy")}
    rows = [("accounts", "first"), ("companies", "second")]
    rows += [("accounts", "third")] if last == "copy" else [("companies", "third")]
    with Sandbox(companies=2) as box:
        sent = [message for stream, name in rows for message in records(stream, [{"external_id": "r1", "name": name}])]
        finished = run(box, [*schemas("accounts", "companies"), *sent], stream_maps=maps, streams=blocks)
        assert finished.error is None
        assert name_of(box, "r1") == ("third (copy)" if last == "copy" else "third")


def test_rejects_and_receipts_name_the_stream_they_came_in() -> None:
    with Sandbox(companies=2) as box:
        sent = [
            *records("accounts", [{"external_id": "a", "name": None}]),
            *records("companies", [{"external_id": "c", "name": None}]),
        ]
        finished = run(box, [*schemas("accounts", "companies"), *sent], max_rejects="100%", **ACCOUNTS)
        rejected = [message for message in finished.rejects if message["type"] == "RECORD"]
        assert {(message["stream"], message["record"]["external_id"]) for message in rejected} == {
            ("accounts", "a"),
            ("companies", "c"),
        }
        assert {(receipt["stream"], receipt["key_value"]) for receipt in finished.receipts} == {
            ("accounts", "a"),
            ("companies", "c"),
        }


STREAMS = ("accounts", "companies", "customers")
STEP = st.tuples(st.sampled_from(STREAMS), st.integers(0, 3), st.sampled_from(["source", "external", "both"]))


@settings(max_examples=40)
@given(steps=st.lists(STEP, min_size=1, max_size=25), size=st.sampled_from([1, 3, 7, 5000]))
def test_any_mix_ends_as_if_rows_were_sent_one_by_one(steps: list[tuple[str, int, str]], size: int) -> None:
    """Whichever of its keys a row names its record by."""
    blocks = {name: {"model": "companies"} for name in ("accounts", "customers")}
    known = [{"source_id": f"s{key}", "external_id": f"e{key}", "name": "before"} for key in range(4)]
    wanted = {f"s{key}": "before" for key in range(4)}
    sent = []
    for number, (stream, key, named_by) in enumerate(steps):
        keys = {"source": {"source_id": f"s{key}"}, "external": {"external_id": f"e{key}"}}
        row = keys.get(named_by) or known[key]
        sent += records(stream, [{**row, "name": f"n{number}"}])
        wanted[f"s{key}"] = f"n{number}"
    announced = [schema(stream, COLUMNS) for stream in STREAMS]
    with Sandbox(companies=1) as box:
        run(box, [*announced[1:2], *records("companies", known)])
        finished = run(box, [*announced, *sent], streams=blocks, batch_size_rows=size)
        assert finished.error is None
        stored = {row["sourceId"]: row["name"] for row in box.rows("companies") if row.get("sourceId") in wanted}
    assert stored == wanted
