"""Complete reads: rows that move while they are read, pages in flight, and what tells a loader that rows are gone."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from planhat_sandbox import Sandbox
from tap_planhat.records import page_stream
from tap_planhat.tap import TapPlanhat
from tests.tap_support import catalog_for, config_for, run


@pytest.mark.parametrize("kind", ["both", "inserts", "deletes"])
@pytest.mark.parametrize("in_flight", [1, 4])
def test_rows_that_stay_are_read_once_whatever_comes_and_goes(kind: str, in_flight: int) -> None:
    switches = {"moving_rows": 3, "moving_kind": kind, "page_max": 40}
    with Sandbox(companies=40, seed=3, switches=switches) as box:
        before = {row["_id"] for row in box.rows("endusers")}
        output = run(config_for(box, parallel_calls=in_flight), "endusers")
        after = {row["_id"] for row in box.rows("endusers")}
    ids = output.ids("endusers")
    assert before & after <= set(ids)
    assert len(ids) == len(set(ids))
    assert before != after


@pytest.mark.parametrize(("in_flight", "at_once"), [(1, 1), (4, 4)])
def test_as_many_pages_are_on_the_way_as_the_setting_says(in_flight: int, at_once: int) -> None:
    with Sandbox(companies=40, seed=3, switches={"page_max": 20}) as box:
        box.set_faults([{"kind": "latency", "path": "endusers", "seconds": 0.2}])
        assert len(run(config_for(box, parallel_calls=in_flight), "endusers").ids("endusers")) == 400
        calls = [call for call in box.calls if call.path == "endusers"]
    arrivals = [call.at for call in calls]
    assert max(sum(call.at <= at < call.at + call.seconds for call in calls) for at in arrivals) == at_once


@pytest.mark.parametrize("fast", [True, False], ids=["bytes", "general"])
def test_a_version_is_activated_after_a_complete_read(monkeypatch: pytest.MonkeyPatch, *, fast: bool) -> None:
    monkeypatch.setattr(page_stream, "sdk_is_supported", lambda: fast)
    with Sandbox(companies=3, seed=3) as box:
        config = config_for(box, emit_activate_version_messages=True)
        box.set_faults([{"kind": "status", "path": "sales", "status": 403}])
        output = run(config, "companies", "sales", "dimension_data")
    told = [message for message in output.messages if message["type"] == "ACTIVATE_VERSION"]
    assert [message["stream"] for message in told] == ["companies"]
    versions = {message.get("version") for message in output.messages if message.get("stream") == "companies"}
    assert versions == {None, told[0]["version"]}  # None is that of the SCHEMA
    rank = output.messages.index(told[0])
    assert all(message.get("stream") != "companies" for message in output.messages[rank + 1 :])
    assert all("version" not in message for message in output.messages if message.get("stream") == "dimension_data")


def test_no_version_is_spoken_of_by_default() -> None:
    with Sandbox(companies=3, seed=3) as box:
        output = run(config_for(box), "companies")
    assert {message["type"] for message in output.messages} == {"SCHEMA", "RECORD", "STATE"}
    assert all("version" not in message for message in output.messages)


def test_batches_hold_the_same_records(tmp_path: Path) -> None:
    with Sandbox(companies=12, seed=3) as box:
        plain = run(config_for(box), "companies", "dimension_data")
        batch_config = {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tmp_path.as_uri(), "prefix": ""},
        }
        output = run(config_for(box, batch_config=batch_config), "companies", "dimension_data")
    for stream in ("companies", "dimension_data"):
        files = [
            file.removeprefix("file://")
            for message in output.messages
            if message["type"] == "BATCH" and message["stream"] == stream
            for file in message["manifest"]
        ]
        records = [json.loads(line) for file in files for line in gzip.decompress(Path(file).read_bytes()).splitlines()]
        assert records == plain.records[stream]
    assert output.state == plain.state


def test_custom_fields_made_since_the_catalog_are_typed_in_the_next_run() -> None:
    with Sandbox(companies=3, seed=3) as box:
        config = config_for(box)
        catalog = catalog_for(config, "companies")
        companies = next(entry for entry in catalog["streams"] if entry["tap_stream_id"] == "companies")
        gone = companies["schema"]["properties"]["custom"]["properties"].pop("Plan")
        tap = TapPlanhat(config=config, catalog=catalog)
        assert tap.streams["companies"].effective_schema["properties"]["custom"]["properties"]["Plan"] == gone


def test_definitions_of_custom_fields_may_be_refused(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, seed=3) as box:
        config = config_for(box)
        box.set_faults([{"kind": "status", "path": "customfields", "status": 403}])
        output = run(config, "companies", "custom_fields")
    assert "`custom` has no types" in caplog.text
    assert "properties" not in output.schemas["companies"]["schema"]["properties"]["custom"]
    assert len(output.ids("companies")) == 3
    assert "Skipped 'custom_fields'" in caplog.text


def test_no_secret_is_in_what_the_tap_writes(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, seed=3) as box:
        config = config_for(box)
        output = run(config, "companies")
        encoded = base64.b64encode(f"{box.api_token}:".encode()).decode()
        written = json.dumps(output.messages)
    for secret in (box.api_token, encoded):
        assert secret not in caplog.text
        assert secret not in written


def test_a_stream_that_is_empty_still_announces_itself() -> None:
    with Sandbox(companies=3, seed=3) as box:
        box.set_faults([])
        output = run(config_for(box, conversation_types=["no such type"]), "conversations")
    assert "conversations" in output.schemas
    assert output.ids("conversations") == []
