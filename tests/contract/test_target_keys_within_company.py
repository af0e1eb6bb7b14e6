"""An external id of a company's child names a record of that company only (B62): deletes and modes keep to it."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import RejectsError
from tests.target_support import records, run, schema, stream

GONE = "2024-05-14T00:00:00Z"


def twins(box: Sandbox) -> list[dict[str, Any]]:
    """Two companies, each of which gets an enduser with the same external id."""
    companies = [row for row in box.rows("companies") if row.get("externalId")][:2]
    rows = [{"external_id": "dup", "company_id": row["_id"], "name": f"of {row['_id']}"} for row in companies]
    assert run(box, stream("endusers", rows)).verdicts() == {"dup": "created"}
    return companies


def owners(box: Sandbox) -> list[str]:
    return [row["companyId"] for row in box.rows("endusers") if row.get("externalId") == "dup"]


@pytest.mark.parametrize("form", ["{_id}", "extid-{externalId}"])
@pytest.mark.parametrize("gone", [0, 1])
def test_the_record_of_the_named_company_is_deleted(form: str, gone: int) -> None:
    with Sandbox(companies=3, seed=1) as box:
        companies = twins(box)
        rows = [{"external_id": "dup", "company_id": form.format(**companies[gone]), "_sdc_deleted_at": GONE}]
        finished = run(box, stream("endusers", rows), hard_delete=True)
        assert finished.verdicts() == {"dup": "deleted"}
        assert owners(box) == [companies[1 - gone]["_id"]]


def test_nothing_is_deleted_when_the_named_company_has_no_such_record() -> None:
    with Sandbox(companies=3, seed=1) as box:
        companies = twins(box)
        other = next(row["_id"] for row in box.rows("companies") if row not in companies)
        for company in (other, "extid-nowhere"):
            rows = [{"external_id": "dup", "company_id": company, "_sdc_deleted_at": GONE}]
            finished = run(box, stream("endusers", rows), hard_delete=True)
            assert finished.verdicts() == {"dup": "skipped"}
        assert len(owners(box)) == 2


def test_a_delete_that_names_no_company_is_refused() -> None:
    with Sandbox(companies=3, seed=1) as box:
        twins(box)
        rows = [{"external_id": "dup", "_sdc_deleted_at": GONE}]
        blocks = {"endusers": {"key": "externalId"}}
        finished = run(box, stream("endusers", rows), hard_delete=True, streams=blocks)
        assert isinstance(finished.error, RejectsError)
        assert "the row names no company" in str(finished.error)
        assert len(owners(box)) == 2


@pytest.mark.parametrize("path", ["assets", "endusers"])
@pytest.mark.parametrize("form", ["{_id}", "extid-{externalId}"])
def test_modes_look_for_the_key_in_the_named_company(form: str, path: str) -> None:
    with Sandbox(companies=6, seed=1) as box:
        known = next(row for row in box.rows(path) if row.get("externalId") and row.get("companyId"))
        home = next(row for row in box.rows("companies") if row["_id"] == known["companyId"])
        other = next(row for row in box.rows("companies") if row["_id"] != home["_id"] and row.get("externalId"))
        here = {"external_id": known["externalId"], "company_id": form.format(**home), "name": "Here"}
        there = {"external_id": known["externalId"], "company_id": form.format(**other), "name": "There"}
        before = len(box.rows(path))
        for mode, of_known, of_new in (("update", "updated", "skipped"), ("insert", "skipped", "created")):
            finished = run(box, stream(path, [here, there]), load_method=mode)
            assert {receipt["outcome"] for receipt in finished.receipts} == {of_known, of_new}
            at_home = next(row for row in box.rows(path) if row["_id"] == known["_id"])
            assert (at_home["name"], at_home["companyId"]) == ("Here", home["_id"])
        assert len(box.rows(path)) == before + 1
        again = run(box, stream(path, [there]), load_method="insert")
        assert again.verdicts() == {known["externalId"]: "skipped"}


def test_insert_only_finds_companies_of_the_same_run() -> None:
    with Sandbox(companies=3, seed=1) as box:
        people = [{"external_id": "p", "company_id": "extid-late", "name": name} for name in ("One", "Two")]
        messages = [
            schema("endusers", list(people[0])),
            schema("companies", ["external_id", "name"]),
            *records("endusers", people[:1]),
            *records("companies", [{"external_id": "late", "name": "Late"}]),
            *records("endusers", people[1:]),
        ]
        finished = run(box, messages, load_method="insert", batch_size_rows=1)
        assert finished.error is None
        assert finished.summary["endusers"] in ({"created": 1, "skipped": 1}, {"created": 1, "merged": 1})
        assert len([row for row in box.rows("endusers") if row.get("externalId") == "p"]) == 1
