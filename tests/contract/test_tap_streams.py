"""Every stream against the sandbox: all rows, valid records, the same by either path."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from planhat_api.models.registry import all_models
from planhat_sandbox import Sandbox
from tap_planhat.records import page_stream
from tap_planhat.records.changed_lines import ChangedLineMaker
from tap_planhat.records.schemas import ORIGINAL
from tap_planhat.tap import TapPlanhat
from tests.tap_support import catalog_for, config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tap_support import Output

_GOLDEN = Path(__file__).with_name("tap_catalog.json")
_STREAMS = [model.stream for model in all_models().values() if "list" in model.operations]
_SHAPES = [
    {},
    {"references": "object", "currency": "object", "next_touch": "epoch_ms", "custom_empty": "object"},
    {"references": "id", "currency": "code", "next_touch": "mixed", "custom_empty": "null"},
    {"companies_embedded": "listed", "users_list": "full", "nps_names": "both", "custom_empty": "absent"},
    {"nps_names": "live", "updated_at": "some", "tasks_is_archived_true": "all"},
    {"updated_at": "absent", "select": "ignored"},
    {"default_sort": "random", "sort": "ignored", "limit_above_max": "refuse", "page_max": 100},
]


def _named(switches: dict[str, Any]) -> str:
    return ",".join(f"{name}={position}" for name, position in switches.items()) or "default"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=12, seed=3) as sandbox:
        yield sandbox


def _stored_ids(box: Sandbox, stream: str) -> set[str]:
    model = next(model for model in all_models().values() if model.stream == stream)
    path = {"leancompanies": "companies", "tickets": "conversations"}.get(model.path, model.path)
    rows = box.rows(path)
    kind = {"notes": "note", "tickets": "ticket"}.get(stream)
    return {row["_id"] for row in rows if kind is None or row["type"] == kind}


def _check(output: Output, box: Sandbox) -> None:
    for stream in _STREAMS:
        ids = output.ids(stream)
        assert Counter(ids) == Counter(_stored_ids(box, stream)), stream
        validator = jsonschema.Draft202012Validator(
            output.schemas[stream]["schema"], format_checker=jsonschema.FormatChecker()
        )
        for record in output.records[stream]:
            validator.validate(record)


@pytest.mark.parametrize("switches", _SHAPES, ids=_named)
def test_every_row_arrives_once_and_validates(switches: dict[str, Any]) -> None:
    with Sandbox(companies=12, seed=3, switches=switches) as sandbox:
        _check(run(config_for(sandbox), *_STREAMS), sandbox)


@pytest.mark.parametrize("switches", _SHAPES[:3], ids=_named)
def test_both_record_paths_write_the_same(switches: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(companies=12, seed=3, switches=switches) as sandbox:
        config = config_for(sandbox)
        spliced = run(config, *_STREAMS)
        monkeypatch.setattr(page_stream, "sdk_is_supported", lambda: False)
        general = run(config, *_STREAMS)
    for stream in _STREAMS:
        assert spliced.records[stream] == general.records[stream], stream
    assert spliced.schemas == general.schemas
    assert spliced.state == general.state


_CHANGES: dict[str, dict[str, Any]] = {
    "fields": {"without": {"companies": ["phase", "owner", "mr"], "licenses": ["value"]}},
    "original": {"without": {"companies": [ORIGINAL], "licenses": [ORIGINAL]}},
    "inside": {"without": {"companies": ["Seats", "Regions", "domains"]}},
    "map": {"stream_maps": {"companies": {"title": "name.upper()", "phase": "__NULL__", "__filter__": "name > 'D'"}}},
    "alias": {"stream_maps": {"companies": {"__alias__": "accounts"}}},
    "copies": {
        "stream_maps": {"companies": {"_id": "_id", "__else__": "__NULL__"}, "copy": {"__source__": "companies"}}
    },
    "flattened": {"flattening_enabled": True, "flattening_max_depth": 2, "without": {"companies": ["owner"]}},
}


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
@pytest.mark.parametrize("switches", _SHAPES[:2], ids=_named)
def test_both_record_paths_change_the_same(
    switches: dict[str, Any], change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {name: value for name, value in change.items() if name != "without"}
    made: list[ChangedLineMaker] = []

    def noted(*args: Any, **options: Any) -> ChangedLineMaker:
        made.append(ChangedLineMaker(*args, **options))
        return made[-1]

    monkeypatch.setattr(page_stream, "ChangedLineMaker", noted)
    with Sandbox(companies=12, seed=3, switches=switches) as sandbox:
        config, without = config_for(sandbox, **settings), change.get("without")
        by_pages = run(config, "companies", "licenses", "notes", without=without)
        assert made
        made.clear()
        monkeypatch.setattr(page_stream, "sdk_is_supported", lambda: False)
        general = run(config, "companies", "licenses", "notes", without=without)
        assert not made
    assert by_pages.records == general.records
    assert by_pages.schemas == general.schemas
    assert by_pages.state == general.state
    assert all(by_pages.records.values())


def test_the_seeded_tenant_has_shapes_to_convert(box: Sandbox) -> None:
    output = run(config_for(box), "companies", "licenses")
    converted = [record[ORIGINAL] for rows in output.records.values() for record in rows if ORIGINAL in record]
    assert any("owner" in originals for originals in converted)
    assert any("_currency" in originals for originals in converted)
    stored = {row["_id"]: row for row in box.rows("companies")}
    assert all(record["name"] == stored[record["_id"]]["name"] for record in output.records["companies"])


def test_the_catalog_is_the_golden_one() -> None:
    """After a change that is meant: run with ``UPDATE_GOLDEN=1`` in the environment and read the difference."""
    with Sandbox(companies=3, seed=1) as sandbox:
        catalog = json.loads(TapPlanhat(config=config_for(sandbox)).catalog_json_text)
    text = json.dumps(catalog, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        _GOLDEN.write_text(text, encoding="utf-8")
    assert _GOLDEN.read_text(encoding="utf-8") == text


def test_every_model_with_a_list_is_a_stream(box: Sandbox) -> None:
    catalog = catalog_for(config_for(box))
    assert sorted(entry["tap_stream_id"] for entry in catalog["streams"]) == sorted(_STREAMS)
    for entry in catalog["streams"]:
        assert entry["key_properties"] == ["_id"]
        assert entry["schema"]["description"]
        for name, schema in entry["schema"]["properties"].items():
            assert "null" in schema["type"], (entry["tap_stream_id"], name)


def test_custom_fields_are_typed_when_the_setting_says_so(box: Sandbox) -> None:
    typed = catalog_for(config_for(box))
    untyped = catalog_for(config_for(box, custom_field_definitions=False))
    for catalog, wanted in ((typed, True), (untyped, False)):
        companies = next(entry for entry in catalog["streams"] if entry["tap_stream_id"] == "companies")
        assert ("properties" in companies["schema"]["properties"]["custom"]) is wanted


def test_hidden_rows_can_be_left_out(box: Sandbox) -> None:
    config = config_for(box, include_archived=False, nps_expiry_days=360)
    output = run(config, "endusers", "tasks", "nps")
    assert set(output.ids("endusers")) == {row["_id"] for row in box.rows("endusers") if not row.get("archived")}
    assert set(output.ids("tasks")) == {row["_id"] for row in box.rows("tasks") if not row.get("isArchived")}
    assert len(output.ids("nps")) < len(box.rows("nps"))


def test_conversations_can_be_narrowed_by_type(box: Sandbox) -> None:
    output = run(config_for(box, conversation_types=["note", "call"]), "conversations")
    assert {record["type"] for record in output.records["conversations"]} == {"note", "call"}
    assert set(output.ids("conversations")) == {
        row["_id"] for row in box.rows("conversations") if row["type"] in {"note", "call"}
    }


def test_no_secret_of_a_user_is_read(box: Sandbox) -> None:
    output = run(config_for(box), "users")
    assert all("apiTokens" not in record for record in output.records["users"])
    asked = [call for call in box.calls if call.path == "users"][-1]
    assert "apiTokens" not in str(asked.query)


def test_lean_rows_are_warned_of_and_cured_by_asking_for_fields(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, seed=1, switches={"list_width": "lean"}) as sandbox:
        lean = run(config_for(sandbox), "endusers")
        assert "have only the fields _id, name" in caplog.text
        caplog.clear()
        cured = run(config_for(sandbox, push_down_select=True), "endusers", without={"endusers": ["phone"]})
    assert all(record.keys() <= {"_id", "name"} for record in lean.records["endusers"])
    assert any("email" in record for record in cured.records["endusers"])
    assert "have only" not in caplog.text


@pytest.mark.parametrize("select", ["honoured", "ignored"])
@pytest.mark.parametrize("types", [{}, {"conversation_types": ["email", "note"]}], ids=["all types", "some types"])
def test_selected_fields_are_the_same_with_and_without_pushing_them_down(select: str, types: dict[str, Any]) -> None:
    without = {"companies": ["nextTouch", "_id", "description"], "users": ["email"], "conversations": ["type"]}
    streams = ("companies", "users", "conversations", "notes", "invoices")
    with Sandbox(companies=12, seed=3, switches={"select": select}) as sandbox:
        plain = run(config_for(sandbox, **types), *streams, without=without)
        pushed = run(config_for(sandbox, **types, push_down_select=True), *streams, without=without)
        asked = [call.query.get("select", "").split(",") for call in sandbox.calls if call.path == "companies"]
    assert plain.records == pushed.records
    assert plain.records["companies"]
    assert plain.records["conversations"]
    assert all("nextTouch" not in record and "_id" in record for record in plain.records["companies"])
    assert asked[0] == [""]
    assert "name" in asked[-1]
    assert "nextTouch" not in asked[-1]


def test_standard_maps_work_on_every_record(box: Sandbox) -> None:
    maps = {"companies": {"name": "name.upper()", "_planhat_original": None, "__alias__": "accounts"}}
    output = run(config_for(box, stream_maps=maps), "companies")
    stored = {row["_id"]: row["name"].upper() for row in box.rows("companies")}
    assert {record["_id"]: record["name"] for record in output.records["accounts"]} == stored


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("maps", [{}, {"tickets": {"more": "title"}, "notes": {"more": "_id"}}], ids=["plain", "maps"])
def test_flattening_works_for_every_stream(box: Sandbox, depth: int, maps: dict[str, Any]) -> None:
    plain = run(config_for(box), *_STREAMS)
    settings = {"flattening_enabled": True, "flattening_max_depth": depth}
    output = run(config_for(box, stream_maps=maps, **settings), *_STREAMS)
    assert {stream: output.ids(stream) for stream in _STREAMS} == {stream: plain.ids(stream) for stream in _STREAMS}
    for stream, records in output.records.items():
        validator = jsonschema.Draft7Validator(output.schemas[stream]["schema"])
        for record in records:
            assert not list(validator.iter_errors(record)), (stream, record)
            assert not [name for name, value in record.items() if isinstance(value, (dict, list))]
    assert any("custom__Plan" in record for record in output.records["companies"])
    assert "custom__Plan" in output.schemas["companies"]["schema"]["properties"]
