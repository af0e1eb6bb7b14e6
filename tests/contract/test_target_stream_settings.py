"""Settings of a stream that can have no effect: the run ends before the first call and names what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_api.plugin.exit_codes import ExitCode, exit_code
from planhat_sandbox import Sandbox
from tests.log_support import logged
from tests.target_support import run, stream

COMPANY = {"external_id": "c-1", "name": "One"}
POINT = {"dimension_id": "d", "value": 1, "external_id": "c"}
FIELD = {"name": "N", "parent": "company"}


def refused(box: Sandbox, name: str, row: dict[str, Any], block: dict[str, Any], **settings: Any) -> str:
    """Why a run with this block for one stream ends; it must end as for wrong settings, and nothing may be written."""
    finished = run(box, stream(name, [row]), streams={name: block}, **settings)
    assert finished.error is not None
    assert exit_code(finished.error) == ExitCode.SETTINGS
    assert not [call for call in box.calls if call.method != "GET"]
    return str(finished.error)


@pytest.mark.parametrize(
    ("name", "row", "mode", "right"),
    [
        ("companies", COMPANY, "duplicate", "only time entries can be copied. It takes upsert, update, insert"),
        ("companies", {"_id": "0" * 24, "name": "One"}, "duplicate", "only time entries can be copied"),
        ("custom_fields", FIELD, "duplicate", "only time entries can be copied"),
        ("custom_fields", FIELD, "update", "Leave it out"),
        ("metrics", POINT, "update", "only ever adds such rows"),
        ("user_activities", {"email": "a@c.example", "action": "x"}, "insert", "only ever adds such rows"),
    ],
)
def test_a_mode_that_the_model_does_not_have(name: str, row: dict[str, Any], mode: str, right: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        told = refused(box, name, row, {"mode": mode})
        assert f"streams.{name}.mode: {mode!r}" in told
        assert right in told
        assert not box.calls


def test_entries_without_a_column_for_their_id_cannot_be_copied() -> None:
    with Sandbox(companies=2, seed=1) as box:
        told = refused(box, "time_entries", {"hours": 1, "date": "2024-05-14"}, {"mode": "duplicate"})
        assert "streams.time_entries.mode: 'duplicate' copies entries by _id, and no column leads to it" in told


def test_an_entry_without_id_is_rejected_and_the_others_are_copied() -> None:
    with Sandbox(companies=5, seed=1) as box:
        before = box.rows("timeentries")
        rows = [{"_id": None}, {"_id": before[0]["_id"]}]
        block = {"time_entries": {"mode": "duplicate"}}
        finished = run(box, stream("time_entries", rows), streams=block, max_rejects="100%")
        assert finished.error is None
        assert finished.summary == {"time_entries": {"created": 1, "rejected": 1}}
        assert len(box.rows("timeentries")) == len(before) + 1


@pytest.mark.parametrize(
    ("name", "row", "block", "told"),
    [
        ("metrics", POINT, {"key": "externalId"}, "streams.metrics.key: 'externalId' is not possible for"),
        ("custom_fields", FIELD, {"key": "name"}, "not matched on a field that can be chosen"),
    ],
)
def test_what_the_way_of_the_rows_does_not_know(
    name: str, row: dict[str, Any], block: dict[str, Any], told: str
) -> None:
    with Sandbox(companies=2, seed=1) as box:
        assert told in refused(box, name, row, block)
        assert not box.calls


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("nmae", "setting nulls: there is no field 'nmae' to write; did you mean 'name'?"),
        ("updatedAt", "setting nulls: 'updatedAt' cannot be cleared: Planhat sets it"),
        ("external_id", "setting nulls: no field is called 'external_id'; did you mean 'externalId'?"),
        ("custom", "setting nulls: name each custom field"),
        ("custom.ARR per Seat", "cannot be cleared: custom.ARR per Seat is a formula"),
        ("custom.Sucess Plan", "did you mean 'custom.Success Plan'?"),
        (
            "custom.success_plan",
            "setting nulls: no field is called 'custom.success_plan'; did you mean 'custom.Success",
        ),
    ],
)
def test_fields_to_clear_that_do_not_exist(field: str, told: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        assert told in refused(box, "companies", COMPANY, {"nulls": ["name", field]})


@pytest.mark.parametrize(
    "block",
    [
        {"nulls": ["name", "description", "custom.Success Plan"]},
        {"nulls": ["anything"], "unknown_columns": "send"},
        {"mode": "upsert", "key": "externalId"},
    ],
)
def test_settings_that_lead_somewhere_are_taken(block: dict[str, Any]) -> None:
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, stream("companies", [COMPANY]), streams={"companies": block})
        assert finished.error is None
        assert finished.verdicts() == {"c-1": "created"}


def test_a_field_that_planhat_sets_is_sent_when_the_settings_name_it_for_a_column() -> None:
    with Sandbox(companies=2, seed=1, switches={"read_only_fields": "refused"}) as box:
        rows = [{**COMPANY, "seen": "2024-05-14", "updatedAt": "2024-05-14"}]
        alone = run(box, stream("companies", rows), streams={"companies": {"ignore": ["seen"]}})
        assert alone.verdicts() == {"c-1": "created"}
        block = {"columns": {"seen": "updatedAt"}, "nulls": ["updatedAt"]}
        assert run(box, stream("companies", rows), streams={"companies": block}).verdicts() == {"c-1": "rejected"}


def test_a_field_is_cleared_whose_column_has_another_name() -> None:
    with Sandbox(companies=2, seed=1) as box:
        run(box, stream("companies", [{**COMPANY, "description": "old"}]))
        row = {"external_id": "c-1", "note": None}
        block = {"columns": {"note": "description"}, "nulls": ["description"]}
        assert run(box, stream("companies", [row]), streams={"companies": block}).verdicts() == {"c-1": "updated"}


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("other", "streams.companies.custom_prefix: no column of the stream begins with 'cf_'"),
        ("CF_Health Score", "begins with 'cf_'; 'CF_Health Score' begins with it in another case"),
        ("cf_Health Score", None),
    ],
)
def test_a_prefix_that_no_column_has_is_told(column: str, told: str | None) -> None:
    with Sandbox(companies=2, seed=1) as box, logged() as out:
        block = {"custom_prefix": "cf_", "unknown_columns": "leave_out"}
        finished = run(box, stream("companies", [{**COMPANY, column: "7"}]), streams={"companies": block})
        assert finished.error is None
        assert (told in out.getvalue()) if told else "custom_prefix" not in out.getvalue()
