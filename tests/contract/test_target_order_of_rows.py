"""Rows of the same key take effect in the order they came in: held back, deleted at the source, or both."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import Message, records, run, schema, state, stream

GONE = "2024-05-14T00:00:00Z"


def person(box: Sandbox) -> dict[str, Any]:
    found: list[dict[str, Any]] = [row for row in box.rows("endusers") if row.get("sourceId") == "s1"]
    assert len(found) == 1
    return found[0]


def late_company(*rows: dict[str, Any]) -> list[Message]:
    """Endusers, some of a company that comes after them."""
    return [
        schema("endusers", ["source_id", "company_id", "name", "phone", "_sdc_deleted_at"]),
        *records("endusers", rows),
        *stream("companies", [{"external_id": "late", "name": "Late"}]),
        state(1),
    ]


@pytest.mark.parametrize("size", [1, 2, 5000])
def test_a_row_that_waits_does_not_overwrite_a_later_one(size: int) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows: list[dict[str, Any]] = [
            {"source_id": "s1", "company_id": "extid-late", "name": "old", "phone": "1"},
            {"source_id": "s2", "company_id": box.rows("companies")[0]["_id"], "name": "other"},
            {"source_id": "s1", "company_id": box.rows("companies")[0]["_id"], "name": "new"},
        ]
        finished = run(box, late_company(*rows), batch_size_rows=size, max_rejects="100%")
        assert finished.error is None
        assert finished.states == [1]
        assert (person(box)["name"], person(box)["phone"]) == ("new", "1")
        assert person(box)["companyId"] == box.rows("companies")[0]["_id"]
        assert finished.summary["endusers"] == {"created": 2, "merged": 1}


@pytest.mark.parametrize("size", [1, 5000])
def test_rows_of_one_key_that_all_wait_become_one(size: int) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [{"source_id": "s1", "company_id": "extid-late", "name": name} for name in "abc"]
        finished = run(box, late_company(*rows), batch_size_rows=size)
        assert person(box)["name"] == "c"
        assert finished.summary["endusers"] == {"created": 1, "merged": 2}


def test_rows_of_one_key_in_two_streams_keep_their_order() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = box.rows("companies")[0]["_id"]
        messages = [
            *stream("a-endusers", [{"source_id": "s1", "company_id": "extid-late", "name": "old"}]),
            *stream("b-endusers", [{"source_id": "s1", "company_id": company, "name": "new"}]),
            *stream("companies", [{"external_id": "late", "name": "Late"}]),
        ]
        run(box, messages, batch_size_rows=1, max_rejects="100%")
        assert person(box)["name"] == "new"


@pytest.mark.parametrize("size", [1, 2, 5000])
@pytest.mark.parametrize("hard_delete", [False, True])
def test_a_delete_after_a_row_that_waits(size: int, *, hard_delete: bool) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [
            {"source_id": "s1", "company_id": "extid-late", "name": "old"},
            {"source_id": "s1", "company_id": "extid-late", "_sdc_deleted_at": GONE},
        ]
        finished = run(box, late_company(*rows), batch_size_rows=size, hard_delete=hard_delete)
        assert finished.error is None
        there = [row for row in box.rows("endusers") if row.get("sourceId") == "s1"]
        assert len(there) == (0 if hard_delete else 1)
        assert sum(finished.summary["endusers"].values()) == 2


STEPS = list(product("ud", repeat=3))


@pytest.mark.parametrize("steps", STEPS, ids=map("".join, STEPS))
@pytest.mark.parametrize("settings", [{}, {"hard_delete": True}, {"hard_delete": True, "max_deletes": 0}], ids=str)
def test_upserts_and_deletes_of_a_key_in_one_batch_end_as_one_by_one(
    steps: tuple[str, ...], settings: dict[str, Any]
) -> None:
    def row(place: int, step: str) -> dict[str, Any]:
        gone = {"_sdc_deleted_at": GONE} if step == "d" else {}
        return {"external_id": "k1", "name": f"n{place}", **({"description": "1"} if place == 0 else {}), **gone}

    messages = [
        schema("companies", ["external_id", "name", "description", "_sdc_deleted_at"]),
        *records("companies", [row(place, step) for place, step in enumerate(steps)]),
        state(1),
    ]
    ends = []
    for size in (1, 5000):
        with Sandbox(companies=3, seed=1) as box:
            finished = run(box, messages, batch_size_rows=size, max_rejects="100%", **settings)
            ends.append(
                [
                    (found["name"], found.get("description"))
                    for found in box.rows("companies")
                    if found.get("externalId") == "k1"
                ]
            )
            assert sum(finished.summary["companies"].values()) == len(steps)
            assert finished.states == [1]
            assert finished.error is None
    assert ends[0] == ends[1]
