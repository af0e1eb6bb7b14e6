"""Rows that take a call each, when Planhat fails on one of them or on all (B75)."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_api.plugin.exit_codes import ExitCode, exit_code
from planhat_sandbox import Sandbox
from tests.target_support import run, schema, stream

QUICK = {"timeout_seconds": 2, "max_rejects": "100%"}
GONE = "2024-05-14T00:00:00Z"


def fields(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "parent": "company", "type": "number"} for name in names]


def names(box: Sandbox) -> list[str]:
    return [row["name"] for row in box.rows("customfields") if row["name"] in {"A", "B", "C"}]


def test_a_field_that_planhat_fails_on_is_rejected_and_the_others_are_made() -> None:
    with Sandbox(companies=2, seed=1, switches={"refused_create": "500_text"}) as box:
        rows = [*fields("A"), {"name": "B", "parent": "company", "type": None}, *fields("C")]
        finished = run(box, stream("custom_fields", rows), **QUICK)
        assert finished.error is None
        assert finished.summary == {"custom_fields": {"created": 2, "rejected": 1}}
        assert 'Planhat fails on this row (500): {"error":"Failed to create: type required"}' in finished.reasons()["B"]
        assert len(finished.rejects) == 2
        assert names(box) == ["A", "C"]
        assert len([call for call in box.calls if (call.method, call.path) == ("POST", "customfields")]) == 5


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 500, "processed": True},
        {"kind": "status", "status": 503, "processed": True},
        {"kind": "drop", "processed": True},
        {"kind": "drop"},
        {"kind": "html"},
    ],
    ids=str,
)
def test_a_create_is_repeated_only_when_the_field_is_not_there(fault: dict[str, Any]) -> None:
    with Sandbox(companies=2, seed=1) as box:
        box.set_faults([{**fault, "path": "customfields", "method": "POST", "times": 1}])
        finished = run(box, stream("custom_fields", fields("A", "B")), **QUICK)
        assert finished.error is None
        assert finished.summary == {"custom_fields": {"created": 2}}
        assert names(box) == ["A", "B"]
        assert {receipt["planhat_id"] for receipt in finished.receipts} <= {r["_id"] for r in box.rows("customfields")}


def test_a_field_that_cannot_be_changed_is_rejected() -> None:
    with Sandbox(companies=2, seed=1) as box:
        run(box, stream("custom_fields", fields("A", "B")))
        first = next(row["_id"] for row in box.rows("customfields") if row["name"] == "A")
        box.set_faults([{"kind": "status", "status": 500, "path": f"customfields/{first}", "method": "PUT"}])
        rows = [{**row, "type": "text"} for row in fields("A", "B")]
        finished = run(box, stream("custom_fields", rows), **QUICK)
        assert finished.error is None
        assert finished.verdicts() == {"A": "rejected", "B": "updated"}


@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "status", "status": 500}],
        [{"kind": "status", "status": 500, "method": "POST"}, {"kind": "status", "status": 500, "path": "myprofile"}],
        [{"kind": "status", "status": 500, "method": "POST"}],
        [{"kind": "status", "status": 503, "method": "POST"}],
    ],
    ids=str,
)
def test_a_server_that_fails_on_everything_ends_the_run(faults: list[dict[str, Any]]) -> None:
    with Sandbox(companies=2, seed=1) as box:
        box.set_faults(faults)
        finished = run(box, stream("custom_fields", fields(*(f"F{n}" for n in range(16)))), **QUICK)
        assert finished.error is not None
        assert exit_code(finished.error) == ExitCode.UNAVAILABLE
        assert not finished.rejects
        assert not finished.states


def test_a_field_whose_fate_cannot_be_looked_up_ends_the_run() -> None:
    with Sandbox(companies=2, seed=1) as box:
        box.set_faults(
            [
                {"kind": "status", "status": 500, "path": "customfields", "method": "POST", "processed": True},
                {"kind": "status", "status": 500, "path": "customfields", "method": "GET", "nth": 3},
                {"kind": "status", "status": 500, "path": "customfields", "method": "GET", "nth": 4},
                {"kind": "status", "status": 500, "path": "customfields", "method": "GET", "nth": 5},
            ]
        )
        finished = run(box, stream("custom_fields", fields("A")), **QUICK)
        assert finished.error is not None
        assert exit_code(finished.error) == ExitCode.UNAVAILABLE
        assert "may have received" in str(finished.error)


def test_a_row_that_planhat_cannot_delete_is_rejected_and_the_others_go() -> None:
    with Sandbox(companies=3, seed=1) as box:
        first, second, third = (row["_id"] for row in box.rows("companies"))
        box.set_faults([{"kind": "status", "status": 500, "path": f"companies/{second}", "method": "DELETE"}])
        rows = [{"_id": key, "name": "x", "_sdc_deleted_at": GONE} for key in (first, second, third)]
        finished = run(box, stream("companies", rows), hard_delete=True, **QUICK)
        assert finished.error is None
        assert finished.verdicts() == {first: "deleted", second: "rejected", third: "deleted"}
        assert "Planhat fails on this row (500)" in finished.reasons()[second]


def test_custom_fields_without_rows_make_no_call() -> None:
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [schema("custom_fields", ["name", "parent", "type"], "name")])
        assert finished.error is None
        assert not [call for call in box.calls if call.method == "POST"]


def test_activities_on_which_the_server_fails_one_and_all() -> None:
    name, rows = "segment_events", [{"type": "track", "user_id": "u", "event": "x"}] * 40
    with Sandbox(companies=2, seed=1) as box:
        box.set_faults([{"kind": "status", "status": 500, "path": "analytics-host", "times": 14}])
        some = run(box, stream(name, rows), **QUICK)
        assert some.error is None
        assert some.summary == {name: {"accepted": 26, "unknown": 14}}
        box.set_faults([{"kind": "status", "status": 500, "path": "analytics-host"}])
        every = run(box, stream(name, rows), **QUICK)
        assert every.error is not None
        assert exit_code(every.error) == ExitCode.UNAVAILABLE
        assert every.summary == {name: {"unknown": 15, "unsent": 25}}


@pytest.mark.parametrize("fault", [{"status": 404}, {"status": 401}, {"kind": "html"}], ids=str)
def test_an_analytics_host_that_is_another_one_is_named_by_its_setting(fault: dict[str, Any]) -> None:
    with Sandbox(companies=2, seed=1) as box:
        box.set_faults([{"kind": "status", "path": "analytics-host", **fault}])
        row = {"dimension_id": "d", "value": 1, "external_id": "c"}
        finished = run(box, stream("metrics", [row]), **QUICK)
        assert "analytics_url" in f"{finished.error} {finished.reasons()}"
