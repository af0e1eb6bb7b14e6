"""Stream maps: a row they cannot evaluate is rejected as it came, and a replay sends each copy once."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import ConfigurationError
from planhat_sandbox import Sandbox
from target_planhat.errors import RejectsError, SettingsError
from target_planhat.target import TargetPlanhat
from tests.target_support import connection, lines, records, run, schema, state, stream

if TYPE_CHECKING:
    from pathlib import Path

TEXT = {"type": ["string", "null"]}
COMPANIES = schema("companies", {"external_id": TEXT, "name": TEXT}, "external_id")
ROWS: list[dict[str, Any]] = [{"external_id": "M-1", "name": None}, {"external_id": "M-2", "name": "Two"}]
UPPER = {"companies": {"name": "name.upper()"}}
GUARDED = {"companies": {"name": "name.upper() if name else 'none'"}}
WHY = (
    "stream_maps: stream 'companies', property 'name', expression 'name.upper()': 'name' is empty (null), and null has "
    "no upper(); where it may be empty, write 'name.upper() if name else None'"
)


def names(box: Sandbox) -> dict[str, str]:
    return {row["externalId"]: row["name"] for row in box.rows("companies") if row.get("externalId")}


def rejected(finished: Any) -> list[dict[str, Any]]:
    return [message for message in finished.rejects if message["type"] == "RECORD"]


def test_a_row_that_a_map_cannot_evaluate_is_rejected_and_the_others_go_on() -> None:
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *records("companies", ROWS), state(1)], max_rejects="100%", stream_maps=UPPER)
        assert finished.error is None
        assert finished.summary == {"companies": {"created": 1, "rejected": 1}}
        assert finished.states == [1]
        assert finished.reasons() == {"M-1": WHY}
        assert names(box)["M-2"] == "TWO"
        assert finished.rejects[0] == COMPANIES
        assert rejected(finished)[0]["record"] == ROWS[0]


def test_a_filter_that_fails_on_a_row_rejects_it() -> None:
    maps = {"companies": {"__filter__": "name.startswith('T')"}}
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *records("companies", ROWS)], max_rejects="100%", stream_maps=maps)
        assert finished.summary == {"companies": {"created": 1, "rejected": 1}}
        assert "property '__filter__'" in finished.reasons()["M-1"]


def test_a_mended_map_takes_the_rejects() -> None:
    with Sandbox(companies=2, seed=1) as box:
        first = run(box, [COMPANIES, *records("companies", ROWS)], max_rejects="100%", stream_maps=UPPER)
        second = run(box, first.rejects, stream_maps=GUARDED)
        assert second.summary == {"companies": {"created": 1}}
        assert [receipt["attempt"] for receipt in second.receipts] == [2]
        assert names(box)["M-1"] == "none"


def test_a_column_of_the_schema_that_a_row_lacks_is_null() -> None:
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *records("companies", [{"external_id": "M-1"}])], stream_maps=GUARDED)
        assert finished.summary == {"companies": {"created": 1}}
        assert names(box)["M-1"] == "none"


def test_without_leave_the_first_batch_with_such_rows_ends_the_run() -> None:
    rows = [{"external_id": f"M-{number}", "name": None} for number in range(50)]
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *records("companies", rows), state(1)], batch_size_rows=5, stream_maps=UPPER)
        assert isinstance(finished.error, RejectsError)
        assert WHY in str(finished.error)
        assert finished.summary == {"companies": {"rejected": 5, "unsent": 45}}
        assert finished.states == []


@pytest.mark.parametrize(
    ("text", "why"),
    [("nmae.upper()", "did you mean 'name'?"), ("name.uper()", "did you mean 'upper'?"), ("[a for a in nmae]", "name")],
)
def test_an_expression_that_its_schema_rules_out_ends_the_run_before_the_first_row(text: str, why: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        maps = {"companies": {"name": text}}
        finished = run(box, [COMPANIES, *records("companies", ROWS)], max_rejects="100%", stream_maps=maps)
        assert isinstance(finished.error, ConfigurationError)
        assert f"stream 'companies', property 'name', expression {text!r}" in str(finished.error)
        assert why in str(finished.error)
        assert finished.receipts == []
        assert not {"M-1", "M-2"} & set(names(box))


@pytest.mark.parametrize("text", ["name.(", "", "uper(name)", "lambda: 1", "name.__class__", "name = 1"])
def test_what_no_schema_can_cure_ends_the_run_before_anything_is_read(text: str) -> None:
    with pytest.raises(ConfigurationError, match="stream_maps: stream 'later', property 'name'"):
        TargetPlanhat(config={"api_token": "x", "stream_maps": {"later": {"name": text}}})


@pytest.mark.parametrize(
    ("maps", "why"),
    [
        ({"__other__": {}}, "'__other__:{}' is not expected"),
        ({"companies": {"external_id": None}}, "'external_id' is not permitted"),
        ({"companies": {"__key_properties__": ["nope"]}}, "'nope' was not detected"),
        ({"companies": {"__alias__": "2 x"}}, "2 x"),
        ({"companies": {"__alias__": "'a' + 1"}}, "stream 'companies'"),
        ({"companies": {"__alias__": "[1]"}}, "stream 'companies': __alias__ gives no text"),
    ],
)
def test_maps_that_cannot_be_made_end_the_run_with_the_setting_and_the_stream(maps: Any, why: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *records("companies", ROWS)], stream_maps=maps)
        assert isinstance(finished.error, SettingsError)
        assert str(finished.error).startswith("stream_maps: ")
        assert why in str(finished.error)


@pytest.mark.parametrize("maps", [None, {}])
def test_no_maps_are_no_fault(maps: Any) -> None:
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *records("companies", ROWS[1:])], stream_maps=maps)
        assert finished.summary == {"companies": {"created": 1}}


def test_a_name_of_an_open_schema_may_be_a_column_that_is_not_declared() -> None:
    announced = {**COMPANIES, "schema": {**COMPANIES["schema"], "additionalProperties": True}}
    rows = [{"external_id": "M-1", "label": "One"}, {"external_id": "M-2", "name": "Two"}]
    with Sandbox(companies=2, seed=1) as box:
        maps = {"companies": {"name": "label.upper()", "label": None}}
        finished = run(box, [announced, *records("companies", rows)], max_rejects="100%", stream_maps=maps)
        assert names(box)["M-1"] == "ONE"
        assert "the record has no column 'label'" in finished.reasons()["M-2"]


def test_a_renamed_stream_is_counted_under_its_new_name_and_rejected_under_its_old() -> None:
    maps: dict[str, Any] = {
        "accounts": {
            "__alias__": "companies",
            "__key_properties__": ["external_id"],
            "external_id": "no",
            "name": "label.upper()",
            "no": None,
            "label": None,
        }
    }
    rows: list[dict[str, Any]] = [{"no": "M-1", "label": None}, {"no": "M-2", "label": "Two"}]
    announced = schema("accounts", {"no": TEXT, "label": TEXT}, "no")
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [announced, *records("accounts", rows)], max_rejects="100%", stream_maps=maps)
        assert finished.summary == {"companies": {"created": 1, "rejected": 1}}
        assert "stream 'companies' made of 'accounts'" in finished.reasons()["M-1"]
        assert finished.rejects[0] == announced
        assert rejected(finished)[0]["stream"] == "accounts"
        assert rejected(finished)[0]["record"] == rows[0]
        assert "copy" not in rejected(finished)[0]["planhat_rejection"]


def test_dates_that_an_expression_makes_are_taken() -> None:
    maps = {"companies": {"renewal_date": "datetime.date(2024, 2, 29)"}}
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *records("companies", ROWS[1:])], stream_maps=maps)
        assert finished.error is None
        row = next(row for row in box.rows("companies") if row.get("externalId") == "M-2")
        assert row["renewalDate"] == "2024-02-29T00:00:00.000Z"


def test_batch_files_follow_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    message = {"type": "BATCH", "stream": "companies", "encoding": {"format": "jsonl"}, "manifest": [path.as_uri()]}
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, message, state(1)], max_rejects="100%", stream_maps=UPPER)
        assert finished.summary == {"companies": {"created": 1, "rejected": 1}}
        assert finished.states == [1]
        assert rejected(finished)[0]["record"] == ROWS[0]


def test_with_flattening_the_reject_is_the_record_as_it_came() -> None:
    columns = {"external_id": TEXT, "name": TEXT, "more": {"type": "object", "properties": {"note": TEXT}}}
    rows: list[dict[str, Any]] = [
        {"external_id": "M-1", "name": None, "more": {"note": "a"}},
        {"external_id": "M-2", "name": "Two", "more": {"note": "b"}},
        {"external_id": None, "name": "Three", "more": {"note": "c"}},
    ]
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}
    settings: dict[str, Any] = {**flat, "streams": {"companies": {"columns": {"more__note": "description"}}}}
    messages = [schema("companies", columns, "external_id"), *records("companies", rows)]
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, messages, max_rejects="100%", stream_maps=UPPER, **settings)
        assert finished.summary == {"companies": {"created": 1, "rejected": 2}}
        assert [message["record"] for message in rejected(finished)] == [rows[0], rows[2]]
        row = next(row for row in box.rows("companies") if row.get("externalId") == "M-2")
        assert row["description"] == "b"


def test_flattening_takes_no_keyword_of_the_schema_for_a_column() -> None:
    columns = {"external_id": TEXT, "name": TEXT, "description": TEXT, "custom": {"type": "object"}}
    announced = schema("companies", columns, "external_id")
    announced["schema"]["description"] = "Companies of any type."
    row = {"external_id": "M-1", "name": "One", "description": "Kept as it is"}
    flat = {"flattening_enabled": True, "flattening_max_depth": 2}
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [announced, *records("companies", [row])], **flat)
        assert finished.error is None
        assert finished.summary == {"companies": {"created": 1}}
        stored = next(row for row in box.rows("companies") if row.get("externalId") == "M-1")
        assert stored["description"] == "Kept as it is"


# Streams that maps remove.


@pytest.mark.parametrize("maps", [{"logs": None}, {"logs": "__NULL__"}, {"__else__": None, "companies": {}}])
def test_a_stream_that_a_map_removes_need_be_no_model(maps: Any) -> None:
    version = {"type": "ACTIVATE_VERSION", "stream": "logs", "version": 1}
    messages = [*stream("logs", [{"a": 1}]), version, COMPANIES, *records("companies", ROWS[1:]), state(1)]
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, messages, stream_maps=maps)
        assert finished.error is None
        assert finished.summary == {"logs": {"skipped": 1}, "companies": {"created": 1}}
        assert finished.states == [1]


def test_a_stream_may_go_on_as_a_copy_alone() -> None:
    maps = {
        "logs": None,
        "companies": {"__source__": "logs", "external_id": "a", "a": None, "__key_properties__": ["external_id"]},
    }
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, stream("logs", [{"a": "M-1", "name": "One"}]), stream_maps=maps)
        assert finished.summary == {"companies": {"created": 1}}


def test_a_new_column_is_what_its_expression_gives() -> None:
    """The SDK declares it as text, whatever comes out."""
    maps = {"companies": {"mr": "seats * 12", "tags": "[name, 'b']", "seats": None}}
    announced = schema("companies", {"external_id": TEXT, "name": TEXT, "seats": {"type": "integer"}}, "external_id")
    with Sandbox(companies=2, seed=1) as box:
        row = {"external_id": "M-1", "name": "One", "seats": 3}
        finished = run(box, [announced, *records("companies", [row])], stream_maps=maps)
        assert finished.error is None
        stored = next(entry for entry in box.rows("companies") if entry.get("externalId") == "M-1")
        assert (stored["mr"], stored["tags"]) == (36, ["One", "b"])


def test_settings_for_a_misspelt_stream_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """A map that hides people's names would otherwise do nothing, in silence."""
    caplog.set_level("INFO")
    maps = {"compnies": {"name": "md5(name)"}, "far away": {"name": "name"}, "copy": {"__source__": "companys"}}
    blocks = {"compagnies": {"key": "externalId"}, "companies": {"key": "externalId"}}
    with Sandbox(companies=2, seed=1) as box:
        run(box, stream("companies", [{"external_id": "M-1", "name": "One"}]), stream_maps=maps, streams=blocks)
    told = [(record.levelname, record.getMessage()) for record in caplog.records if "came" in record.getMessage()]
    assert told == [
        ("WARNING", "stream_maps: no stream 'compnies' came. Did you mean 'companies'?"),
        ("INFO", "stream_maps: no stream 'far away' came."),
        ("WARNING", "stream_maps: no stream 'companys' came. Did you mean 'companies'?"),
        ("WARNING", "streams: no stream 'compagnies' came. Did you mean 'companies'?"),
    ]


def test_a_schema_sent_again_makes_no_new_sink() -> None:
    maps = {"companies": {"name": "name or 'none'", "description": "name"}}
    messages = [message for row in ROWS for message in (COMPANIES, *records("companies", [row]))] * 3
    with Sandbox(companies=2, seed=1) as box:
        target = TargetPlanhat(config=connection(box, stream_maps=maps))
        target.listen(io.BytesIO(lines(messages)))  # type: ignore[arg-type]
        (channel,) = target.run.dispatcher.channels.parents_first()
        assert len(channel.sinks) == 1
        target.run.close()


# One stream copied to two.

USAGE = schema("usage", {"company": TEXT, "day": TEXT, "logins": {}, "clicks": {}})


def copies(clicks: str) -> dict[str, Any]:
    def points(name: str, value: str) -> dict[str, Any]:
        made = {"dimension_id": f"'{name}'", "value": value, "external_id": "company", "date": "day"}
        return {"__source__": "usage", "__else__": None, **made}

    return {"usage": None, "logins": points("logins", "int(logins)"), "clicks": points("clicks", clicks)}


POINTS: dict[str, Any] = {"streams": {"logins": {"model": "metrics"}, "clicks": {"model": "metrics"}}}


def landed(box: Sandbox) -> list[tuple[str, Any]]:
    return sorted((point["dimensionId"], point["value"]) for point in box.metrics)


def usage(box: Sandbox, **values: Any) -> list[Any]:
    company = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
    return [USAGE, *records("usage", [{"company": company, "day": "2024-05-14", **values}]), state(1)]


def test_the_copy_that_fails_is_rejected_alone_and_comes_alone_on_a_replay() -> None:
    with Sandbox(companies=2, seed=1) as box:
        messages = usage(box, logins=7, clicks="3 or so")
        first = run(box, messages, max_rejects="100%", stream_maps=copies("int(clicks)"), **POINTS)
        assert first.summary == {"logins": {"accepted": 1}, "clicks": {"rejected": 1}}
        assert first.states == [1]
        assert [message["stream"] for message in first.rejects] == ["usage", "usage"]
        assert rejected(first)[0]["record"] == messages[1]["record"]
        assert rejected(first)[0]["planhat_rejection"]["copy"] == "clicks"
        assert landed(box) == [("logins", 7)]

        second = run(box, first.rejects, max_rejects="100%", stream_maps=copies("int(clicks)"), **POINTS)
        assert second.summary == {"clicks": {"rejected": 1}}
        assert rejected(second)[0]["planhat_rejection"]["copy"] == "clicks"
        assert rejected(second)[0]["planhat_rejection"]["attempt"] == 2

        third = run(box, second.rejects, stream_maps=copies("int(clicks.split()[0])"), **POINTS)
        assert third.summary == {"clicks": {"accepted": 1}}
        assert landed(box) == [("clicks", 3), ("logins", 7)]


def test_a_copy_that_is_refused_later_comes_alone_on_a_replay_too() -> None:
    with Sandbox(companies=2, seed=1) as box:
        messages = usage(box, logins=7, clicks="many")
        first = run(box, messages, max_rejects="100%", stream_maps=copies("clicks"), **POINTS)
        assert first.summary == {"logins": {"accepted": 1}, "clicks": {"rejected": 1}}
        assert rejected(first)[0]["planhat_rejection"]["copy"] == "clicks"
        run(box, first.rejects, stream_maps=copies("int(3)"), **POINTS)
        assert landed(box) == [("clicks", 3), ("logins", 7)]


def test_both_copies_that_fail_are_rejected_one_by_one() -> None:
    with Sandbox(companies=2, seed=1) as box:
        messages = usage(box, logins="many", clicks="many")
        first = run(box, messages, max_rejects="100%", stream_maps=copies("int(clicks)"), **POINTS)
        assert first.summary == {"logins": {"rejected": 1}, "clicks": {"rejected": 1}}
        assert sorted(entry["planhat_rejection"]["copy"] for entry in rejected(first)) == ["clicks", "logins"]
        maps = copies("int(3)")
        maps["logins"]["value"] = "int(7)"
        run(box, first.rejects, stream_maps=maps, **POINTS)
        assert landed(box) == [("clicks", 3), ("logins", 7)]


@pytest.mark.parametrize("first_copy", [{}, {"external_id": "external_id"}])
def test_the_copy_is_kept_apart_from_a_stream_that_stays_as_it_is(first_copy: dict[str, str]) -> None:
    """Whether the other copy is what the SDK passes on untouched, or what a map makes."""
    maps: dict[str, Any] = {"twins": {"__source__": "companies", "external_id": "'twin of ' + name"}}
    if first_copy:
        maps["companies"] = first_copy
    settings: dict[str, Any] = {"streams": {"twins": {"model": "companies"}}, "max_rejects": "100%"}
    rows = [{"external_id": "M-1", "name": None, "description": "a"}]
    messages = [
        schema("companies", {"external_id": TEXT, "name": TEXT, "description": TEXT}, "external_id"),
        *records("companies", rows),
    ]
    with Sandbox(companies=2, seed=1) as box:
        first = run(box, messages, stream_maps=maps, **settings)
        assert first.summary == {"companies": {"rejected": 1}, "twins": {"rejected": 1}}
        assert sorted(entry["planhat_rejection"]["copy"] for entry in rejected(first)) == ["companies", "twins"]
        replace_lone_surrogates = json.loads(json.dumps(first.rejects).replace('"name": null', '"name": "One"'))
        second = run(box, replace_lone_surrogates, stream_maps=maps, **settings)
        assert second.summary == {"companies": {"created": 1}, "twins": {"created": 1}}


@pytest.mark.parametrize("without", ["the copy", "all maps"])
def test_a_copy_that_no_map_makes_any_more_goes_nowhere_else(without: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        maps: dict[str, Any] = {"twins": {"__source__": "companies", "name": "name.upper()"}}
        settings: dict[str, Any] = {"streams": {"twins": {"model": "companies"}, "others": {"model": "companies"}}}
        rows = [{"external_id": "M-1", "name": None}]
        first = run(box, [COMPANIES, *records("companies", rows)], max_rejects="100%", stream_maps=maps, **settings)
        reject = next(entry for entry in rejected(first) if entry["planhat_rejection"]["copy"] == "twins")
        reject["record"]["name"] = "One"
        other: dict[str, Any] = {"others": {"__source__": "companies"}} if without == "the copy" else {}
        second = run(box, [COMPANIES, reject], max_rejects="100%", stream_maps=other, **settings)
        assert second.summary == {"companies": {"rejected": 1}}
        assert second.reasons() == {"M-1": "stream_maps no longer make a stream 'twins' of 'companies'"}
        assert rejected(second)[0]["planhat_rejection"]["copy"] == "twins"
        assert "M-1" not in names(box)


# Two streams made one.


def test_rows_of_two_streams_made_one_are_rejected_under_their_own() -> None:
    maps: dict[str, Any] = {
        "first": {"__alias__": "companies", "name": "label.upper()", "label": None},
        "second": {"__alias__": "companies", "name": "title.upper()", "title": None},
    }
    announced = [
        schema("first", {"external_id": TEXT, "label": TEXT}, "external_id"),
        schema("second", {"external_id": TEXT, "title": TEXT}, "external_id"),
    ]
    rows = [
        *records("first", [{"external_id": "A", "label": None}, {"external_id": None, "label": "a"}]),
        *records("second", [{"external_id": "B", "title": None}, {"external_id": None, "title": "b"}]),
    ]
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [*announced, *rows], max_rejects="100%", stream_maps=maps)
        assert finished.summary == {"companies": {"rejected": 4}}
        assert [(entry["stream"], entry["record"]) for entry in rejected(finished)] == [
            (message["stream"], message["record"]) for message in rows
        ]


def test_a_column_that_may_hold_anything_by_a_schema_of_true_goes_through_maps() -> None:
    columns = {"external_id": True, "name": TEXT}
    maps = {"companies": {"description": "'x'"}}
    messages = [schema("companies", columns, "external_id"), *records("companies", [{"external_id": "k", "name": "K"}])]
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, messages, stream_maps=maps)
    assert finished.error is None
    assert finished.summary == {"companies": {"created": 1}}
