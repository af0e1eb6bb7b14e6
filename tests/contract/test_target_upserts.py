"""Rows go out as bulk upserts, and what the target says of each is what the sandbox holds."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import RejectsError, SettingsError
from tests.target_support import records, run, schema, small_calls, state, stream


def companies(box: Sandbox) -> dict[str, dict[str, Any]]:
    return {row["externalId"]: row for row in box.rows("companies") if row.get("externalId")}


def test_rows_are_created_updated_or_left_as_they_are() -> None:
    with Sandbox(companies=3, seed=1) as box:
        first = stream("companies", [{"external_id": key, "name": f"New {key}"} for key in (1, 2, 3)])
        assert run(box, first).verdicts() == {"1": "created", "2": "created", "3": "created"}
        again = stream("companies", [{"external_id": 1, "name": "New 1"}, {"external_id": 2, "name": "Other"}])
        finished = run(box, [*again, state({"at": 2})])
        assert finished.verdicts() == {"1": "unchanged", "2": "updated"}
        assert finished.states == [{"at": 2}]
        assert finished.summary == {"companies": {"updated": 1, "unchanged": 1}}
        assert companies(box)["2"]["name"] == "Other"
        assert finished.receipts[0]["planhat_id"] in {companies(box)["1"]["_id"], None}
        assert finished.receipts[1]["planhat_id"] == companies(box)["2"]["_id"]


def test_one_bad_row_fails_the_run_after_all_others_went_out() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows: list[dict[str, Any]] = [
            {"external_id": 1, "name": "A"},
            {"external_id": 2},
            {"external_id": 3, "name": "C"},
        ]
        finished = run(box, [*stream("companies", rows), state(1)])
        assert isinstance(finished.error, RejectsError)
        assert "companies, externalId=2" in str(finished.error)
        assert finished.verdicts() == {"1": "created", "2": "rejected", "3": "created"}
        assert {"1", "3"} <= set(companies(box))
        assert "2" not in companies(box)
        assert finished.states == []


def test_the_same_key_twice_in_a_batch_counts_as_merged() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [
            {"external_id": 1, "name": "A", "phase": "first"},
            {"external_id": 2, "name": "B"},
            {"external_id": 1, "name": "C"},
            {"external_id": 1, "name": "D"},
        ]
        finished = run(box, stream("companies", rows))
        assert finished.summary == {"companies": {"created": 2, "merged": 2}}
        assert (companies(box)["1"]["name"], companies(box)["1"]["phase"]) == ("D", "first")


def test_merged_rows_are_rejected_with_the_row_they_are_part_of() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows: list[dict[str, Any]] = [{"external_id": 1, "phase": "x"}, {"external_id": 1, "phase": "y"}]
        finished = run(box, stream("companies", rows))
        assert finished.summary == {"companies": {"rejected": 2}}
        assert [reject["record"] for reject in finished.rejects if reject["type"] == "RECORD"] == rows


def test_unknown_stream_ends_the_run_before_anything_is_sent() -> None:
    with Sandbox(companies=3, seed=1) as box:
        finished = run(box, [*stream("companis", [{"externalId": 1, "name": "A"}])])
        assert isinstance(finished.error, SettingsError)
        assert not [call for call in box.calls if call.method in {"PUT", "POST"}]


@pytest.mark.parametrize("order", [("companies", "endusers"), ("endusers", "companies")])
def test_parents_go_out_before_children(order: tuple[str, str]) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "companies": [{"external_id": f"c{number}", "name": f"C{number}"} for number in range(7)],
        "endusers": [
            {"email": f"p{number}@c.example", "company_external_id": f"c{number % 7}"} for number in range(12)
        ],
    }
    with Sandbox(companies=3, seed=1) as box:
        messages = [schema(name, {column: {} for column in rows[name][0]}) for name in order]
        for name in order:
            messages += records(name, rows[name])
        finished = run(box, messages, batch_size_rows=5)
        assert finished.error is None
        assert finished.summary == {"companies": {"created": 7}, "endusers": {"created": 12}}
        if order[0] == "companies":
            paths = [call.path for call in box.calls if call.method == "PUT"]
            assert paths == ["companies", "companies", "endusers", "endusers", "endusers"]


def test_batches_end_by_rows_and_by_bytes_and_go_one_at_a_time() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [{"external_id": number, "name": "x" * 100} for number in range(25)]
        run(box, stream("companies", rows), batch_size_rows=10)
        assert [call.rows for call in box.calls if call.method == "PUT"] == [10, 10, 5]
        box.forget_calls()
        with small_calls(size=1_200):
            run(box, stream("companies", rows))
        sizes = [call.rows for call in box.calls if call.method == "PUT"]
        assert sum(size or 0 for size in sizes) == 25
        assert all(8 <= (size or 0) <= 10 for size in sizes[:-1])


def test_custom_fields_are_checked_against_the_tenant() -> None:
    with Sandbox(companies=3, seed=1) as box:
        known = next(
            field["name"]
            for field in box.rows("customfields")
            if field["parent"].lower() == "company" and field["type"] == "number" and not field.get("isFormula")
        )
        column = "custom__" + known.lower().replace(" ", "_")
        finished = run(box, stream("companies", [{"external_id": 1, "name": "A", column: 7}]))
        assert finished.error is None
        assert companies(box)["1"]["custom"][known] == 7
        wrong = run(box, stream("companies", [{"external_id": 1, f"custom.{known}x": 7}]))
        assert isinstance(wrong.error, SettingsError)
        assert repr(f"custom.{known}") in str(wrong.error)


def test_records_out_of_stream_maps_take_the_same_way() -> None:
    with Sandbox(companies=3, seed=1) as box:
        messages = stream("accounts", [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}])
        maps = {
            "accounts": {"__alias__": "companies", "externalId": "str(id)", "name": "title.upper()", "__else__": None}
        }
        finished = run(box, messages, stream_maps=maps)
        assert finished.verdicts() == {"1": "created", "2": "created"}
        assert companies(box)["2"]["name"] == "B"


def test_children_whose_company_never_comes_are_tried_once_more_then_rejected() -> None:
    rows = [
        {"email": "a@c.example", "company_external_id": "late"},
        {"email": "b@c.example", "company_external_id": "never"},
    ]
    late = stream("companies", [{"external_id": "late", "name": "Late"}])
    with Sandbox(companies=3, seed=1) as box:
        finished = run(box, [*stream("endusers", rows), state(1), *late, state(2)], batch_size_rows=1)
        assert finished.verdicts("endusers") == {"a@c.example": "created", "b@c.example": "rejected"}
        assert isinstance(finished.error, RejectsError)
        assert finished.states == []
    with Sandbox(companies=3, seed=1) as box:
        finished = run(box, [*stream("endusers", rows), *late], hold_rows=0, max_rejects="100%", batch_size_rows=1)
        assert finished.verdicts("endusers") == {"a@c.example": "rejected", "b@c.example": "rejected"}


def test_merged_rows_are_held_back_together() -> None:
    rows = [{"email": "a@c.example", "company_external_id": "late", "name": name} for name in ("A", "B")]
    with Sandbox(companies=3, seed=1) as box:
        late = stream("companies", [{"external_id": "late", "name": "Late"}])
        finished = run(box, [*stream("endusers", rows), *late], batch_size_rows=2)
        assert finished.summary["endusers"] == {"created": 1, "merged": 1}
