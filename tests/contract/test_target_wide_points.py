"""Metrics with a column each: one row becomes its points, and each point has an outcome of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError

from planhat_sandbox import Sandbox
from target_planhat.errors import RejectsError, SettingsError
from tests.log_support import logged
from tests.target_support import lines, records, run, schema, small_calls, state, stream

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = {"type": ["number", "null"]}
COLUMNS: dict[str, Any] = {
    "external_id": {"type": "string"},
    "date": {"type": "string"},
    "logins": NUMBER,
    "exports": NUMBER,
    "seats": {"type": ["integer", "null"]},
}
POINTS = {"logins": "logins", "exports": {"dimension": "exports.count"}, "seats": "seats"}
DAY = "2024-05-14T00:00:00.000Z"
FULL = {"external_id": "C-1", "date": "2024-05-14", "logins": 12, "exports": 2.5, "seats": 3}


def block(points: Any = POINTS, **more: Any) -> dict[str, Any]:
    return {"streams": {"usage": {"model": "metrics", "points": points, **more}}, "max_rejects": "100%"}


def usage(*rows: dict[str, Any], columns: dict[str, Any] | None = None, keys: tuple[str, ...] = ()) -> list[Any]:
    return [schema("usage", columns or COLUMNS, *keys), *records("usage", rows)]


def sent(box: Sandbox) -> list[tuple[str, Any, str]]:
    return sorted((point["dimensionId"], point["value"], point["externalId"]) for point in box.metrics)


def told(messages: list[Any], **settings: Any) -> str:
    """The settings error of a run, which has sent nothing."""
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, messages, **settings)
        assert isinstance(finished.error, SettingsError)
        assert not box.calls
        return str(finished.error)


@pytest.mark.parametrize("rows", [1, 30])
def test_a_row_becomes_its_points(rows: int) -> None:
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, [*usage(*[FULL] * rows), state(1)], **block())
        assert finished.error is None
        assert finished.summary == {"usage": {"accepted": 3 * rows}}
        shared = {"externalId": "C-1", "date": DAY}
        wanted = [
            {"dimensionId": "logins", "value": 12, **shared},
            {"dimensionId": "exports.count", "value": 2.5, **shared},
            {"dimensionId": "seats", "value": 3, **shared},
        ]
        found = [{name: point[name] for name in wanted[0]} for point in box.metrics]
        assert sorted(found, key=str) == sorted(wanted * rows, key=str)
        assert finished.states == [1]
        assert [(one["key"], one["key_value"], one["column"], one["outcome"]) for one in finished.receipts[:3]] == [
            ("externalId", "C-1", name, "accepted") for name in POINTS
        ]


def test_points_are_as_those_of_long_rows() -> None:
    """Calls and bodies are the same, so nothing behind them can tell them apart."""
    with Sandbox(companies=1, seed=1) as box:
        rows = [{"external_id": f"C-{number}", "logins": number, "date": DAY} for number in range(20)]
        columns = {"external_id": {"type": "string"}, "logins": NUMBER, "date": {"type": "string"}}
        run(box, usage(*rows, columns=columns), **block({"logins": "logins"}))
        wide = box.metrics
        assert len(wide) == 20
        long = [{"dimension_id": "logins", "value": row["logins"], **row} for row in rows]
        for row in long:
            del row["logins"]
        with Sandbox(companies=1, seed=1) as other:
            run(other, [schema("metrics", list(long[0])), *records("metrics", long)])
            assert [{**point} for point in other.metrics] == [{**point} for point in wide]


@pytest.mark.parametrize("value", [None, "absent", "", " "])
def test_a_cell_without_a_value_becomes_no_point(value: Any) -> None:
    columns = {**COLUMNS, "logins": {"type": ["number", "string", "null"]}}
    row = {**FULL, "logins": value}
    if value == "absent":
        del row["logins"]
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, usage(row, FULL, columns=columns), **block())
        assert finished.summary == {"usage": {"accepted": 5}}
        assert [name for name, _, _ in sent(box)] == ["exports.count", "exports.count", "logins", "seats", "seats"]


@pytest.mark.parametrize("rows", [1, 20])
def test_a_row_without_a_point_is_skipped_and_counts_one(rows: int) -> None:
    empty = {"external_id": "C-1", "date": "2024-05-14", "logins": None}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, [*usage(*[empty] * rows, FULL), state(1)], **block())
        assert finished.summary == {"usage": {"accepted": 3, "skipped": rows}}
        assert finished.reasons() == {"C-1": "none of its metrics has a value"}
        assert finished.states == [1]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ({"type": ["number", "null"]}, "many", "logins does not fit the schema of the stream (type)"),
        ({"type": ["number", "null"]}, True, "logins does not fit the schema of the stream (type)"),
        ({}, "many", "value: a text that is not a number"),
        ({}, "nan", "value: not a finite number"),
        ({}, True, "value: a boolean is not a number"),
        ({}, [1], "value:"),
        ({"type": "number", "minimum": 0}, -1, "logins does not fit the schema of the stream (minimum)"),
        ({"type": "number"}, None, "logins does not fit the schema of the stream (type)"),
    ],
)
def test_a_bad_cell_rejects_its_point_alone(column: dict[str, Any], value: Any, told: str) -> None:
    columns = {**COLUMNS, "logins": column}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, usage(FULL, {**FULL, "logins": value}, FULL, columns=columns), **block())
        assert finished.summary == {"usage": {"accepted": 8, "rejected": 1}}
        (rejected,) = [one for one in finished.receipts if one["outcome"] == "rejected"]
        assert rejected["column"] == "logins"
        assert rejected["key_value"] == "C-1"
        assert rejected["reason"].startswith(told[:24])


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"external_id": ""}, "a metric point needs externalId"),
        ({"external_id": None}, "external_id does not fit the schema"),
        ({"date": "soon"}, "date: a text"),
        ({"model": "Deal"}, "model: one of Company"),
        ({"note": 5}, "note does not fit"),
    ],
)
def test_what_the_points_share_rejects_the_row_once(row: dict[str, Any], told: str) -> None:
    columns = {**COLUMNS, "model": {}, "note": {"type": "string"}}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, usage({**FULL, **row}, FULL, columns=columns), **block(ignore=["note"]))
        assert finished.summary == {"usage": {"accepted": 3, "rejected": 1}}
        (rejected,) = finished.rejects[1:]
        assert rejected["record"] == {**FULL, **row}
        assert told in rejected["planhat_rejection"]["reason"]
        assert "column" not in rejected["planhat_rejection"]


def test_rules_of_the_whole_record_reject_the_row_once() -> None:
    whole = schema("usage", COLUMNS)
    whole["schema"]["dependentRequired"] = {"logins": ["exports"]}
    with Sandbox(companies=1, seed=1) as box:
        row = {name: FULL[name] for name in ("external_id", "date", "logins", "seats")}
        finished = run(box, [whole, *records("usage", [row, FULL])], **block())
        assert finished.summary == {"usage": {"accepted": 3, "rejected": 1}}


def test_a_column_that_must_be_there_is_missed_alone() -> None:
    whole = schema("usage", COLUMNS)
    whole["schema"]["required"] = ["logins", "date"]
    row = {name: FULL[name] for name in ("external_id", "date", "seats")}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, [whole, *records("usage", [FULL, row])], **block())
        assert finished.summary == {"usage": {"accepted": 4, "rejected": 1}}
        assert "lacks 'logins'" in finished.rejects[1]["planhat_rejection"]["reason"]


def test_a_rejected_point_is_sent_again_alone() -> None:
    """The other points of its row were delivered and would count twice."""
    rows = [{**FULL, "logins": "many", "seats": 0.5}, {**FULL, "external_id": "C-2", "date": "soon"}]
    loose = {**COLUMNS, "logins": {}, "date": {}, "seats": {}}
    with Sandbox(companies=1, seed=1) as box:
        first = run(box, usage(*rows, columns=loose), **block())
        assert first.summary == {"usage": {"accepted": 2, "rejected": 2}}
        assert [line["planhat_rejection"].get("column") for line in first.rejects[1:]] == ["logins", None]
        again = run(box, first.rejects, **block())
        assert again.summary == {"usage": {"rejected": 2}}
        assert [line["planhat_rejection"]["attempt"] for line in again.rejects[1:]] == [2, 2]
        mended = json.loads(json.dumps(again.rejects).replace('"many"', "7").replace('"soon"', '"2024-05-14"'))
        assert len(sent(box)) == 2
        last = run(box, mended, **block())
        assert last.summary == {"usage": {"accepted": 4}}
        assert sent(box) == [
            ("exports.count", 2.5, "C-1"),
            ("exports.count", 2.5, "C-2"),
            ("logins", 7, "C-1"),
            ("logins", 12, "C-2"),
            ("seats", 0.5, "C-1"),
            ("seats", 3, "C-2"),
        ]


def test_a_point_stays_alone_also_if_its_row_is_bad_when_it_comes_again() -> None:
    with Sandbox(companies=1, seed=1) as box:
        first = run(box, usage({**FULL, "logins": "many"}, columns={**COLUMNS, "logins": {}, "date": {}}), **block())
        worse = json.loads(json.dumps(first.rejects).replace('"2024-05-14"', '"soon"'))
        second = run(box, worse, **block())
        assert second.rejects[1]["planhat_rejection"]["column"] == "logins"


@pytest.mark.parametrize("mistake", ["7,5", "NaN", '"7', "1e999", '{"a": 1'])
def test_a_point_stays_alone_also_if_somebody_breaks_its_line(mistake: str) -> None:
    """A rejects file is corrected by hand. The text of the broken line is kept, with what it stands for."""
    with Sandbox(companies=1, seed=1) as box:
        first = run(box, usage({**FULL, "logins": "many"}, columns={**COLUMNS, "logins": {}}), **block())
        second = run(box, lines(first.rejects).replace(b'"many"', mistake.encode()), **block())
        assert second.summary == {"usage": {"rejected": 1}}
        told = second.rejects[1]["planhat_rejection"]
        assert (told["column"], told["attempt"]) == ("logins", 2)
        third = run(box, second.rejects, **block())
        assert third.rejects[1]["planhat_rejection"]["column"] == "logins"
        mended = [third.rejects[0], {**third.rejects[1], "record": {**FULL, "logins": 7}}]
        assert run(box, mended, **block()).summary == {"usage": {"accepted": 1}}
        assert sent(box) == [("exports.count", 2.5, "C-1"), ("logins", 7, "C-1"), ("seats", 3, "C-1")]


@pytest.mark.parametrize("points", [{"seats": "seats"}, {}])
def test_a_point_whose_column_is_no_metric_any_more_is_rejected(points: dict[str, str]) -> None:
    with Sandbox(companies=1, seed=1) as box:
        first = run(box, usage({**FULL, "logins": "many"}, columns={**COLUMNS, "logins": {}}), **block())
        more = {} if points else {"columns": {"seats": "value"}, "constants": {"dimensionId": "seats"}}
        second = run(box, first.rejects, **block(points, ignore=["logins", "exports"], **more))
        assert second.summary == {"usage": {"rejected": 1}}
        assert "streams.usage.points" in second.rejects[1]["planhat_rejection"]["reason"]
        assert len(box.metrics) == 2


def test_points_of_several_streams_that_stream_maps_make() -> None:
    maps = {
        "usage": {"logins": "logins", "external_id": "external_id", "date": "date", "__else__": None},
        "more": {
            "__source__": "usage",
            "logins": "logins",
            "exports": "exports",
            "external_id": "external_id",
            "date": "date",
            "__else__": None,
        },
    }
    both = {
        "streams": {
            "usage": {"model": "metrics", "points": {"logins": "one"}},
            "more": {"model": "metrics", "points": {"logins": "two", "exports": "three"}},
        },
        "stream_maps": maps,
        "max_rejects": "100%",
    }
    with Sandbox(companies=1, seed=1) as box:
        first = run(box, usage({**FULL, "exports": "many"}), **both)
        assert first.summary == {"usage": {"accepted": 1}, "more": {"accepted": 1, "rejected": 1}}
        told = first.rejects[1]["planhat_rejection"]
        assert (told["copy"], told["column"]) == ("more", "exports")
        mended = json.loads(json.dumps(first.rejects).replace('"many"', "7"))
        assert run(box, mended, **both).summary == {"more": {"accepted": 1}}
        assert sent(box) == [("one", 12, "C-1"), ("three", 7, "C-1"), ("two", 12, "C-1")]


def test_points_of_a_row_that_a_stream_map_changes() -> None:
    maps = {"usage": {"logins": "logins * 2", "external_id": "external_id.lower()"}}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, usage(*[FULL] * 20), **block(), stream_maps=maps)
        assert finished.summary == {"usage": {"accepted": 60}}
        assert sent(box)[20:40] == [("logins", 24, "c-1")] * 20


def test_points_of_flattened_columns() -> None:
    columns = {
        "external_id": {"type": "string"},
        "date": {"type": "string"},
        "metrics": {"type": "object", "properties": {"logins": NUMBER, "exports": NUMBER}},
    }
    row = {"external_id": "C-1", "date": "2024-05-14", "metrics": {"logins": 1, "exports": 2}}
    points = {"metrics__logins": "logins", "metrics__exports": "exports"}
    with Sandbox(companies=1, seed=1) as box:
        more = {"flattening_enabled": True, "flattening_max_depth": 2}
        finished = run(box, usage(row, row, columns=columns), **block(points), **more)
        assert finished.summary == {"usage": {"accepted": 4}}
        assert sent(box) == [("exports", 2, "C-1")] * 2 + [("logins", 1, "C-1")] * 2


@pytest.mark.parametrize("by", ["constant", "column", "parent"])
def test_points_of_other_models(by: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        enduser = next(row for row in box.rows("endusers") if row.get("externalId"))
        row = {**FULL, "external_id": enduser["externalId"]}
        columns, more = dict(COLUMNS), {}
        if by == "constant":
            more = {"constants": {"model": "EndUser"}}
        else:
            row["model"], columns["model"] = "EndUser", {"type": "string"}
        if by == "parent":
            row["parentId"], columns["parentId"] = enduser["_id"], {"type": "string"}
            del row["external_id"], columns["external_id"]
        finished = run(box, usage(row, row, columns=columns), **block(**more))
        assert finished.error is None
        assert {(point["model"], point["externalId"]) for point in box.metrics} == {("EndUser", enduser["externalId"])}
        assert len(box.landed_metrics) == 6


def test_numeric_takes_each_column_of_numbers_that_is_nothing_else() -> None:
    columns = {
        "id": {"type": "integer"},
        "account_no": {"type": "integer"},
        "date": {"type": "string"},
        "logins": NUMBER,
        "exports.count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "left": NUMBER,
        "_sdc_batched_at": NUMBER,
        "text": {"type": ["string", "null"]},
        "day": {"type": "number"},
    }
    row = {"id": 1, "account_no": 7, "date": DAY, "logins": 1, "exports.count": 2, "left": 3, "_sdc_batched_at": 4}
    more = {"columns": {"account_no": "externalId"}, "ignore": ["left", "text", "id"]}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, usage(row, columns=columns, keys=("id",)), **block("numeric", **more))
        assert finished.error is None
        assert sent(box) == [("exports.count", 2, "7"), ("logins", 1, "7")]


def test_a_shared_column_that_the_schema_does_not_declare_is_used() -> None:
    """Also in a row that lacks many declared columns."""
    columns = {name: column for name, column in COLUMNS.items() if name != "date"}
    row = {"external_id": "C-1", "seats": 1, "date": "2024-05-14"}
    with Sandbox(companies=1, seed=1) as box:
        assert run(box, usage(row, row, columns=columns), **block()).error is None
        assert [point["date"] for point in box.metrics] == [DAY, DAY]


def test_unknown_columns_follow_their_setting() -> None:
    columns = {**COLUMNS, "region": {"type": "string"}}
    rows = usage({**FULL, "region": "eu"}, columns=columns)
    assert "column 'region' leads to no field" in told(rows, **block())
    with Sandbox(companies=1, seed=1) as box:
        assert run(box, rows, **block(unknown_columns="leave_out")).summary == {"usage": {"accepted": 3}}
        assert run(box, rows, **block(unknown_columns="send")).error is None
        assert [point.get("region") for point in box.metrics] == [None] * 3 + ["eu"] * 3


@pytest.mark.parametrize(
    ("given", "more", "text"),
    [
        ({"loggins": "a"}, {}, "the stream has no column 'loggins'; did you mean 'logins'?"),
        ({"logins": "a", "seats": "a"}, {}, "columns 'logins' and 'seats' both lead to metric 'a'"),
        ({"logins": "a", "LOGINS": "b"}, {}, "column 'logins' is named twice"),
        ({"logins": "two words"}, {}, "'two words' cannot be the id of a metric: letters, digits and _ . : - only"),
        ({"logins": {}}, {}, "column 'logins' has no dimension"),
        ({"logins": ""}, {}, "cannot be the id of a metric"),
        ({"logins": "a"}, {"ignore": ["logins"]}, "column 'logins' is also in columns or ignore"),
        ({"logins": "a"}, {"columns": {"Logins": "date"}}, "column 'logins' is also in columns or ignore"),
        ({"logins": "a"}, {"columns": {"seats": "value"}}, "column 'seats' leads to value"),
        ({"logins": "a"}, {"columns": {"seats": "dimension_id"}}, "column 'seats' leads to dimensionId"),
        ({"logins": "a"}, {"constants": {"value": 1}}, "constants give value"),
        ({"logins": "a"}, {"constants": {"dimensionId": "x"}}, "constants give dimensionId"),
    ],
)
def test_wrong_settings_fail_before_the_first_request(given: Any, more: dict[str, Any], text: str) -> None:
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, usage(FULL), **block(given, unknown_columns="leave_out", **more))
        assert finished.error is not None
        assert "streams.usage.points" in str(finished.error)
        assert text in str(finished.error)
        assert not box.calls


@pytest.mark.parametrize("given", ["all", ["logins"], {"logins": 5}])
def test_settings_of_another_form_fail_at_once(given: Any) -> None:
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, usage(FULL), **block(given))
        assert isinstance(finished.error, ConfigValidationError)
        assert "points" in str(finished.error.errors)
        assert not box.calls


def test_numeric_names_the_columns_that_cannot_be_metrics() -> None:
    columns = {**COLUMNS, "active users": NUMBER}
    found = told(usage(FULL, columns=columns), **block("numeric"))
    assert "streams.usage.points" in found
    assert "column 'active users' holds numbers, but its name cannot be the id of a metric" in found
    assert "streams.usage.ignore: ['active users']" in found
    none = told(usage(FULL, columns={name: {} for name in COLUMNS}), **block("numeric"))
    assert "no column without a field is declared as number or integer" in none


@pytest.mark.parametrize("model", ["companies", "user_activities"])
def test_only_metrics_have_points(model: str) -> None:
    settings = {"streams": {"usage": {"model": model, "points": {"logins": "logins"}}}}
    found = told(usage(FULL), **settings)
    assert "streams.usage.points" in found
    assert "only metrics have points" in found


def test_a_plan_counts_points() -> None:
    with Sandbox(companies=2, seed=1) as box:
        company = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
        rows = [{**FULL, "external_id": company}, {**FULL, "logins": "many"}, {**FULL, "external_id": company}]
        messages = usage(*rows, columns={**COLUMNS, "logins": {}})
        with logged() as log:
            settings = {**block(), "write": "nothing", "check_metric_targets": "auto"}
            finished = run(box, messages, **settings)
        assert finished.error is None
        assert finished.summary == {"usage": {"planned": 6, "rejected": 3}}
        assert not box.metrics
        assert "PLAN usage: 6 to create, 3 would be rejected" in log.getvalue()
        assert "no Company has this externalId" in log.getvalue()


def test_points_without_a_record_are_rejected_one_by_one() -> None:
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, usage(FULL), **block(), check_metric_targets=True, hold_rows=0)
        assert finished.summary == {"usage": {"rejected": 3}}
        assert [line["planhat_rejection"]["column"] for line in finished.rejects[1:]] == list(POINTS)


def test_points_that_may_have_arrived_are_kept_one_by_one() -> None:
    with Sandbox(companies=1, seed=1) as box:
        box.set_faults([{"kind": "drop", "path": "analytics-host", "processed": True, "times": 1}])
        rows = [FULL, {**FULL, "external_id": "C-2", "logins": None}]
        finished = run(box, usage(*rows), **block(), on_uncertain_delivery="set_aside")
        assert finished.summary == {"usage": {"unknown": 5}}
        kept = [(line["record"]["external_id"], line["planhat_rejection"]["column"]) for line in finished.rejects[1:]]
        assert kept == [("C-1", name) for name in POINTS] + [("C-2", "exports"), ("C-2", "seats")]
        assert {line["planhat_rejection"]["uncertain"] for line in finished.rejects[1:]} == {True}
        before = len(box.metrics)
        again = run(box, finished.rejects, **block())
        assert again.summary == {"usage": {"accepted": 5}}
        assert len(box.metrics) == before + 5


def test_points_wait_for_their_record() -> None:
    company = {"external_id": "C-1", "name": "Late"}
    given = [*usage(FULL, FULL), *stream("companies", [company])]
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, given, **block(), check_metric_targets=True)
        assert finished.error is None
        assert finished.summary == {"usage": {"accepted": 6}, "companies": {"created": 1}}
        assert len(box.landed_metrics) == 6


def test_the_log_names_point_and_row() -> None:
    rows = [{**FULL, "logins": "many"}, {**FULL, "date": "soon"}]
    with Sandbox(companies=2, seed=1) as box, logged() as log:
        run(box, usage(*rows, columns={**COLUMNS, "logins": {}}), **block())
    told = log.getvalue()
    assert "usage, dimensionId=logins, externalId=C-1, date=2024-05-14: value: a text" in told
    assert "usage, externalId=C-1: date: a text" in told
    assert "Metrics of usage: logins, exports.count, seats" in told


def test_batches_are_cut_by_points() -> None:
    with Sandbox(companies=1, seed=1) as box, small_calls(points=4):
        finished = run(box, [*usage(*[FULL] * 5), state(1)], **block())
        assert [call.rows for call in box.calls if call.method == "POST"] == [4, 4, 4, 3]
        assert finished.summary == {"usage": {"accepted": 15}}


def test_unsent_points_and_rows_are_counted() -> None:
    """After an error, rows that were read count their points, and each other row counts one."""
    rows = [{**FULL, "logins": "many"}, *[FULL] * 9]
    with Sandbox(companies=1, seed=1) as box, small_calls(points=6):
        settings = {**block(), "max_rejects": 0}
        finished = run(box, usage(*rows, columns={**COLUMNS, "logins": {}}), **settings)
        assert isinstance(finished.error, RejectsError)
        counts = finished.summary["usage"]
        rows_read = len(rows) - counts["unsent"]
        assert 2 <= rows_read < len(rows)
        assert counts["rejected"] == 1
        assert counts["accepted"] == rows_read * len(POINTS) - 1


def test_rows_of_batch_files(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in (FULL, {**FULL, "logins": None})))
    batch = {"type": "BATCH", "stream": "usage", "encoding": {"format": "jsonl"}, "manifest": [str(file)]}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, [schema("usage", COLUMNS), batch, state(1)], **block())
        assert finished.summary == {"usage": {"accepted": 5}}
        assert finished.states == [1]


def test_a_column_with_a_dot_comes_from_meltano_as_an_object() -> None:
    columns = {**COLUMNS, "m.logins": NUMBER, "m.dimension": NUMBER}
    row = {**FULL, "m.logins": 5, "m.dimension": 6}
    points = {"m": {"logins": "a", "dimension": {"dimension": "b.c"}}, "seats": {"dimension": "d"}}
    with Sandbox(companies=1, seed=1) as box:
        more = {"ignore": ["logins", "exports"]}
        assert run(box, usage(row, columns=columns), **block(points, **more)).error is None
        assert sent(box) == [("a", 5, "C-1"), ("b.c", 6, "C-1"), ("d", 3, "C-1")]


def test_lines_that_are_no_records_are_rejected_once() -> None:
    given = lines(usage(FULL)) + b'{"type":"RECORD","stream":"usage","record":{"external_id":"C-2","logins":NaN}}\n'
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, given, **block())
        assert finished.summary == {"usage": {"accepted": 3, "rejected": 1}}
