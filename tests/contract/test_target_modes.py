"""Update-only, insert-only, deletes, single calls, notes and the other ways that are not a plain upsert."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import RejectsError
from tests.target_support import run, stream

GONE = "2024-05-14T00:00:00Z"


def by_key(box: Sandbox, path: str, key: str = "externalId") -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in box.rows(path) if row.get(key)}


@pytest.mark.parametrize("mode", ["update", "insert"])
def test_update_only_and_insert_only(mode: str) -> None:
    with Sandbox(companies=12, seed=1) as box:
        known = next(iter(by_key(box, "companies")))
        rows = [{"external_id": known, "name": "Known"}, {"external_id": "new", "name": "New"}]
        finished = run(box, stream("companies", rows), load_method=mode)
        assert finished.error is None
        updated, inserted = ("updated", "skipped") if mode == "update" else ("skipped", "created")
        assert finished.verdicts() == {known: updated, "new": inserted}
        assert (by_key(box, "companies")[known]["name"] == "Known") == (mode == "update")
        assert ("new" in by_key(box, "companies")) == (mode == "insert")


def test_insert_only_knows_what_it_inserted() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [{"external_id": 1, "name": "First"}, {"external_id": 1, "name": "Second"}]
        block = {"companies": {"mode": "insert"}}
        finished = run(box, stream("companies", rows), streams=block, batch_size_rows=1)
        assert finished.summary == {"companies": {"created": 1, "skipped": 1}}
        assert by_key(box, "companies")["1"]["name"] == "First"


def test_rows_gone_at_the_source_are_skipped_unless_deletes_are_on() -> None:
    with Sandbox(companies=3, seed=1) as box:
        before = by_key(box, "companies")
        rows = [{"external_id": key, "name": "x", "_sdc_deleted_at": GONE} for key in before]
        finished = run(box, stream("companies", rows))
        assert finished.error is None
        assert set(finished.verdicts().values()) == {"skipped"}
        assert by_key(box, "companies") == before


def test_deletes_are_by_id_looked_up_and_capped() -> None:
    with Sandbox(companies=4, seed=1) as box:
        first, second, third = list(by_key(box, "companies"))[:3]
        rows = [
            {"external_id": first, "_id": by_key(box, "companies")[first]["_id"], "_sdc_deleted_at": GONE},
            {"external_id": "never was", "_id": None, "_sdc_deleted_at": GONE},
            {"external_id": second, "_id": None, "_sdc_deleted_at": GONE},
            {"external_id": third, "_id": None, "_sdc_deleted_at": GONE},
        ]
        finished = run(box, stream("companies", rows), hard_delete=True, max_deletes=2)
        assert [receipt["outcome"] for receipt in finished.receipts] == ["deleted", "skipped", "deleted", "rejected"]
        assert {first, second}.isdisjoint(by_key(box, "companies"))
        assert third in by_key(box, "companies")
        assert isinstance(finished.error, RejectsError)
        assert "max_deletes is 2" in str(finished.error)


def test_deletes_that_came_through_a_stream_map() -> None:
    with Sandbox(companies=3, seed=1) as box:
        first = next(iter(by_key(box, "companies")))
        maps = {"companies": {"externalId": "external_id", "external_id": "__NULL__"}}
        rows = [{"external_id": first, "_sdc_deleted_at": GONE}]
        finished = run(box, stream("companies", rows), hard_delete=True, stream_maps=maps)
        assert finished.verdicts() == {first: "deleted"}
        assert first not in by_key(box, "companies")


def test_custom_fields_by_single_calls() -> None:
    with Sandbox(companies=3, seed=1) as box:
        old = next(field for field in box.rows("customfields") if field["parent"].lower() == "company")
        rows = [
            {"name": old["name"], "parent": old["parent"].upper(), "type": old["type"]},
            {"name": "Brand new", "parent": "company", "type": "number"},
            {"name": "No parent", "parent": None, "type": "number"},
        ]
        finished = run(box, stream("custom_fields", rows), max_rejects="100%")
        assert [receipt["outcome"] for receipt in finished.receipts if receipt["outcome"] != "rejected"] in (
            ["updated", "created"],
            ["unchanged", "created"],
        )
        assert finished.summary["custom_fields"]["rejected"] == 1
        assert by_key(box, "customfields", "name")["Brand new"]["type"] == "number"
        again = run(box, stream("custom_fields", rows[1:2]))
        assert again.verdicts() == {"Brand new": "unchanged"}


@pytest.mark.parametrize("answers", ["object", "text"])
def test_single_calls_are_judged_by_what_is_there(answers: str) -> None:
    with Sandbox(companies=3, seed=1, switches={"answers": answers}) as box:
        finished = run(box, stream("custom_fields", [{"name": "N", "parent": "company", "type": "number"}]))
        assert finished.verdicts() == {"N": "created"}
        assert "N" in by_key(box, "customfields", "name")


def test_notes_are_conversations_of_their_type() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = box.rows("companies")[0]
        rows = [{"company_external_id": company["externalId"], "subject": "Our note", "description": "x"}]
        refused = run(box, stream("notes", rows))
        assert "insert_without_key" in str(refused.error)
        finished = run(box, stream("notes", rows), streams={"notes": {"insert_without_key": True}})
        assert finished.error is None
        note = next(row for row in box.rows("conversations") if row.get("subject") == "Our note")
        assert (note["type"], note["companyId"]) == ("note", company["_id"])


def test_invoices_carry_their_own_names_and_days() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = box.rows("companies")[0]
        rows = [
            {
                "ext_id": 900,
                "company_external_id": company["externalId"],
                "invoice_date": "2024-05-14",
                "due_date": "2024-06-14T00:00:00+00:00",
                "currency": "EUR",
                "amount_total": "12.50",
            }
        ]
        finished = run(box, stream("invoices", rows))
        assert finished.error is None
        invoice = by_key(box, "invoices", "extId")["900"]
        assert (invoice["cId"], invoice["invoiceDate"], invoice["dueDate"]) == (company["_id"], 19857, 19888)
        assert invoice["amountTotal"] == 12.5


def test_issues_belong_to_several_companies() -> None:
    with Sandbox(companies=3, seed=1) as box:
        keys = [row["externalId"] for row in box.rows("companies")][:2]
        rows = [{"source_id": "J-1", "title": "T", "company_external_ids": keys}]
        finished = run(box, stream("issues", rows))
        assert finished.error is None
        ids = {row["externalId"]: row["_id"] for row in box.rows("companies")}
        assert by_key(box, "issues", "sourceId")["J-1"]["companyIds"] == [ids[key] for key in keys]


def test_tickets_without_email_are_refused_before_planhat_swallows_them() -> None:
    with Sandbox(companies=3, seed=1) as box:
        domain = box.rows("companies")[0].get("domains") or ["acme.example"]
        rows = [
            {"source_id": "T-1", "title": "Help", "email": "a@c.example", "domains": domain},
            {"source_id": "T-2", "title": "Help", "email": None, "domains": domain},
        ]
        finished = run(box, stream("tickets", rows))
        assert finished.verdicts()["T-2"] == "rejected"
        assert finished.verdicts()["T-1"] == "created"
        assert [row["subject"] for row in box.rows("tickets") if row.get("externalId") == "T-1"] == ["Help"]


def test_time_entries_are_copied() -> None:
    with Sandbox(companies=5, seed=1) as box:
        before = box.rows("timeentries")
        rows = [{"_id": before[0]["_id"]}, {"_id": "0" * 24}]
        finished = run(
            box, stream("time_entries", rows), streams={"time_entries": {"mode": "duplicate"}}, max_rejects="100%"
        )
        assert finished.error is None
        assert len(box.rows("timeentries")) == len(before) + 1
        assert finished.verdicts()["0" * 24] in {"rejected", "unknown"}


def test_custom_fields_of_the_run_can_be_used_in_it() -> None:
    with Sandbox(companies=3, seed=1) as box:
        messages = [
            *stream(
                "endusers", [{"email": "a@c.example", "company_external_id": by_key(box, "companies").popitem()[0]}]
            ),
            *stream("custom_fields", [{"name": "Shoe size", "parent": "company", "type": "number"}]),
            *stream("companies", [{"external_id": 1, "name": "A", "custom__shoe_size": "43"}]),
        ]
        finished = run(box, messages)
        assert finished.error is None
        assert by_key(box, "companies")["1"]["custom"] == {"Shoe size": 43}
