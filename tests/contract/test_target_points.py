"""Metric points and user activities: checked before they go, mapped back to records, never sent twice unasked."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import RejectsError, SettingsError
from target_planhat.rows.stream_rows import StreamRows
from tests.log_support import logged
from tests.target_support import lines, records, run, schema, small_calls, state, stream


def external_ids(box: Sandbox, path: str) -> list[str]:
    return [row["externalId"] for row in box.rows(path) if row.get("externalId")]


def points(box: Sandbox, number: int) -> list[dict[str, Any]]:
    company = external_ids(box, "companies")[0]
    return [
        {"dimension_id": "logins", "value": place, "external_id": company, "date": f"2024-05-{place % 28 + 1:02}"}
        for place in range(number)
    ]


def test_points_land_on_their_records() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company, enduser = external_ids(box, "companies")[0], external_ids(box, "endusers")[0]
        rows: list[dict[str, Any]] = [
            {"dimension_id": "logins", "value": "7.5", "external_id": company, "model": "company"},
            {"dimension_id": "logins", "value": 2, "external_id": enduser, "model": "end_user"},
        ]
        finished = run(box, [*stream("metrics", rows), state(1)])
        assert finished.error is None
        assert finished.summary == {"metrics": {"accepted": 2}}
        assert [(point["value"], point.get("model")) for point in box.metrics] == [(7.5, "Company"), (2, "EndUser")]
        assert len(box.landed_metrics) == 2
        assert finished.states == [1]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"dimension_id": "two words"}, "dimensionId: letters"),
        ({"value": "many"}, "value: a text that is not a number"),
        ({"value": None}, "a metric point needs value"),
        ({"external_id": ""}, "a metric point needs externalId"),
        ({"model": "Deal"}, "model: one of Company, EndUser, Asset, Project"),
        ({"date": "soon"}, "date: a text"),
    ],
)
def test_points_are_checked_before_they_go(row: dict[str, Any], told: str) -> None:
    with Sandbox(companies=3, seed=1) as box:
        good = {**points(box, 1)[0], "model": "Company"}
        finished = run(box, stream("metrics", [good, {**good, **row}]))
        assert isinstance(finished.error, RejectsError)
        assert told in str(finished.error)
        assert len(box.metrics) == 1


@pytest.mark.parametrize("name", ["EndUser", "end_user", "endusers"])
def test_a_constant_model_is_written_as_in_planhat(name: str) -> None:
    columns = {"dimension_id": {"type": "string"}, "value": {"type": "number"}, "external_id": {"type": "string"}}
    rows = [{"dimension_id": "logins", "value": 1, "external_id": "P-1"}] * 20
    settings: dict[str, Any] = {"streams": {"metrics": {"constants": {"model": name}}}, "max_rejects": "100%"}
    with Sandbox(companies=3, seed=1) as box:
        finished = run(box, [schema("metrics", columns), *records("metrics", rows)], **settings)
        known = name != "endusers"
        assert finished.summary == {"metrics": {"accepted" if known else "rejected": 20}}
        assert {point["model"] for point in box.metrics} == ({"EndUser"} if known else set())


def test_a_number_beyond_all_limits_is_rejected() -> None:
    with Sandbox(companies=3, seed=1) as box:
        given = lines(stream("metrics", points(box, 2))).replace(b'"value": 1,', b'"value": 1e999,')
        finished = run(box, given, max_rejects="100%")
        assert finished.error is None
        assert finished.summary == {"metrics": {"accepted": 1, "rejected": 1}}


def test_one_bad_point_costs_the_others_no_speed() -> None:
    """Points before it are built from bytes."""
    columns = {"dimension_id": {"type": "string"}, "value": {"type": "number"}, "external_id": {"type": "string"}}
    good = {"dimension_id": "logins", "value": 1, "external_id": "C-1"}
    rows = [good, *[good] * 50, {**good, "dimension_id": "two words"}, *[good] * 50]
    slow: list[object] = []
    plain = StreamRows.of_record

    def counted(self: StreamRows, *args: Any) -> Any:
        slow.append(args)
        return plain(self, *args)

    with Sandbox(companies=3, seed=1) as box, patch.object(StreamRows, "of_record", counted):
        finished = run(box, [schema("metrics", columns), *records("metrics", rows)], max_rejects="100%")
        assert finished.summary == {"metrics": {"accepted": 101, "rejected": 1}}
        # The first record finds the sink of its stream.
        assert len(slow) == 2


def test_points_without_a_needed_column_fail_at_start() -> None:
    with Sandbox(companies=3, seed=1) as box:
        finished = run(box, stream("metrics", [{"dimension_id": "a", "external_id": "b"}]))
        assert isinstance(finished.error, SettingsError)
        assert "no column leads to value" in str(finished.error)


def test_points_go_in_batches_by_rows_and_bytes() -> None:
    with Sandbox(companies=3, seed=1) as box:
        with small_calls(points=10):
            run(box, stream("metrics", points(box, 25)))
        assert [call.rows for call in box.calls if call.method == "POST"] == [10, 10, 5]
        box.forget_calls()
        with small_calls(size=1000):
            run(box, stream("metrics", points(box, 25)))
        assert len([call for call in box.calls if call.method == "POST"]) == 3


def test_equal_points_are_all_sent() -> None:
    with Sandbox(companies=3, seed=1) as box:
        run(box, stream("metrics", points(box, 1) * 3))
        assert len(box.metrics) == 3


def test_points_of_the_tap_find_the_external_id_of_their_parent() -> None:
    with Sandbox(companies=5, seed=1, days=2) as box:
        known = {row["_id"]: row["externalId"] for row in box.rows("companies") if row.get("externalId")}
        rows = [row for row in box.rows("dimensiondata") if row["model"] == "Company"][:20]
        finished = run(box, stream("dimension_data", rows), max_rejects="100%")
        assert finished.error is None
        assert [point["externalId"] for point in box.metrics] == [
            known[row["parentId"]] for row in rows if row["parentId"] in known
        ]
        assert {point["date"] for point in box.metrics} <= {row["time"] for row in rows}
        without = sum(row["parentId"] not in known for row in rows)
        assert finished.summary["dimension_data"].get("rejected", 0) == without


def test_points_whose_record_does_not_exist_are_rejected_unless_asked_not_to() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [*points(box, 1), {**points(box, 1)[0], "external_id": "nobody"}]
        assert run(box, stream("metrics", rows)).summary == {"metrics": {"accepted": 2}}
        finished = run(box, stream("metrics", rows), check_metric_targets="auto")
        assert finished.summary == {"metrics": {"accepted": 1, "rejected": 1}}
        assert "no Company has this externalId" in str(finished.error)


@pytest.mark.parametrize(("setting", "arrived"), [("set_aside", 5), ("resend", 10)])
def test_after_a_fault_that_may_have_delivered_the_setting_decides(setting: str, arrived: int) -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([{"kind": "drop", "path": "analytics-host", "processed": True, "times": 1}])
        rows = points(box, 5)
        finished = run(box, [*stream("metrics", rows), state(1)], on_uncertain_delivery=setting, max_rejects="100%")
        assert len(box.metrics) == arrived
        assert finished.states == [1]
        if setting == "set_aside":
            assert finished.summary == {"metrics": {"unknown": 5}}
            rejects = [reject for reject in finished.rejects if reject["type"] == "RECORD"]
            assert [reject["record"] for reject in rejects] == rows
            assert all(reject["planhat_rejection"]["uncertain"] for reject in rejects)
        else:
            assert finished.summary == {"metrics": {"accepted": 5}}


@pytest.mark.parametrize("answer", ["empty", "text", "json"])
def test_activities_count_as_accepted_whatever_the_answer(answer: str) -> None:
    with Sandbox(companies=3, seed=1, switches={"analytics_answer": answer}) as box:
        rows: list[dict[str, Any]] = [
            {"email": "a@c.example", "action": "login", "date": "2024-05-14", "info": {"plan": "x"}},
            {"email": "b@c.example", "action": "login", "date": None, "info": None},
        ]
        finished = run(box, stream("user_activities", rows))
        assert finished.error is None
        assert finished.summary == {"user_activities": {"accepted": 2}}
        assert [entry["item"] for entry in box.activities] == [
            {**rows[0], "date": "2024-05-14T00:00:00.000Z"},
            {"email": "b@c.example", "action": "login"},
        ]
        assert {entry["endpoint"] for entry in box.activities} == {"bulk"}


def test_activities_must_name_an_enduser() -> None:
    with Sandbox(companies=3, seed=1) as box:
        finished = run(box, stream("user_activities", [{"email": None, "action": "login"}]))
        assert "an activity needs one of email, externalId, euExtId" in str(finished.error)


def test_segment_events() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [{"type": "track", "user_id": 7, "event": "login", "properties": {"a": 1}}]
        finished = run(box, stream("segment_events", rows))
        assert finished.error is None
        assert [entry["item"] for entry in box.activities] == [
            {"type": "track", "userId": "7", "event": "login", "properties": {"a": 1}}
        ]


def test_metrics_without_tenant_token_fail_at_start() -> None:
    with Sandbox(companies=3, seed=1) as box:
        finished = run(box, stream("metrics", points(box, 1)), tenant_token="")
        assert isinstance(finished.error, SettingsError)
        assert "tenant_token" in str(finished.error)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"value": None}, "dimensionId=logins, externalId=KEY, date=2024-05-01: a metric point needs value"),
        ({"date": "SECRET soon"}, "dimensionId=logins, externalId=KEY: date: a text"),
        ({"external_id": None}, "dimensionId=logins, date=2024-05-01: a metric point needs externalId"),
        ({"external_id": "nobody"}, "dimensionId=logins, externalId=nobody, date=2024-05-01: no Company has this"),
        ({"external_id": "a\nb"}, r"dimensionId=logins, externalId=a\nb, date=2024-05-01: no Company"),
    ],
)
def test_the_log_names_metric_record_and_day_of_a_rejected_point(change: dict[str, Any], named: str) -> None:
    with Sandbox(companies=3, seed=1) as box, logged() as out:
        row = {**points(box, 1)[0], "value": 4711081547, **change}
        finished = run(box, stream("metrics", [row]), max_rejects="100%", check_metric_targets=True)
        assert finished.summary == {"metrics": {"rejected": 1}}
        assert f"Rejected: metrics, {named.replace('KEY', str(row['external_id']))}" in out.getvalue()
        assert "4711081547" not in out.getvalue()
        assert "SECRET" not in out.getvalue()
