"""Files and settings that cannot be right: one line that names them, exit code 2, and never a trace."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.tap_fuzz import command
from tests.tap_support import catalog_for, config_for, parsed, run, run_command, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

_DAYS = "dimension_data"


@pytest.fixture(autouse=True)
def _no_word_on_python_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK warns of the oldest Python that it supports."""
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=3, days=3) as sandbox:
        yield sandbox


def _warnings(result: CompletedProcess[str]) -> list[str]:
    return [line for line in result.stderr.splitlines() if " INFO " not in line]


def _told_here(*options: str) -> str:
    """The one line that the command tells, run in this process: a process of its own takes a second to start."""
    ended = command(*options)
    assert ended.code == 2, ended
    assert len(ended.lines) == 1, ended
    return ended.lines[0]


def _only_line(result: CompletedProcess[str]) -> str:
    assert result.returncode == 2, result.stderr
    lines = _warnings(result)
    assert len(lines) == 1, result.stderr
    assert "sandbox-api-token" not in result.stderr
    return lines[0]


FILES = {
    "empty": (b"", "is empty"),
    "blank": (b" \n", "is empty"),
    "no JSON": (b"{'a': 1}", "is not valid JSON at line 1, column 2"),
    "cut off": (b'{"bookmarks": {"companies":', "is not valid JSON at line 1"),
    "a list": (b"[]", "is a list, not an object"),
    "a text": (b'"text"', "is a text, not an object"),
    "null": (b"null", "is null, not an object"),
    "latin-1": ('{"name": "Käse"}'.encode("latin-1"), "is not text in UTF-8"),
    "deep": (b"[" * 100_000, "is nested too deeply"),
    "deep objects": (b'{"a":' * 300 + b"1" + b"}" * 300, "is nested too deeply"),
}


@pytest.mark.parametrize("option", ["config", "catalog", "state"])
@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_holds_something_else_is_named(box: Sandbox, tmp_path: Path, option: str, kind: str) -> None:
    content, words = FILES[kind]
    files = write_files(tmp_path, config=config_for(box))
    (tmp_path / f"{option}.json").write_bytes(content)
    if option != "config":
        files += [f"--{option}", str(tmp_path / f"{option}.json")]
    line = _told_here(*files)
    assert line.startswith(f"--{option} {tmp_path / option}.json: {words}")
    assert ". It should hold" in line


@pytest.mark.parametrize("option", ["config", "catalog", "state"])
def test_what_cannot_be_read_is_named(box: Sandbox, tmp_path: Path, option: str) -> None:
    files = write_files(tmp_path, config=config_for(box))
    line = _only_line(run_command(*files, f"--{option}", str(tmp_path / "nowhere.json")))
    assert f"--{option} {tmp_path}/nowhere.json: cannot be read: No such file" in line
    assert "cannot be read: Is a directory" in _told_here(*files, f"--{option}", str(tmp_path))
    if os.geteuid():
        (tmp_path / "config.json").chmod(0)
        assert "Permission denied" in _told_here(*files)


STATES: dict[str, tuple[Any, str]] = {
    "bookmarks as a list": ({"bookmarks": []}, "bookmarks that are not an object"),
    "of meltano state get": ({"singer_state": {"bookmarks": {}}}, "the state inside 'singer_state'"),
    "a message without its type": ({"value": {"bookmarks": {}}}, "the state inside 'value'"),
    "a whole message": ({"type": "STATE", "value": {"bookmarks": {}}}, "a whole STATE message"),
    "a bookmark that is null": ({"bookmarks": {"companies": None}}, "bookmark of 'companies': it should be object"),
    "no date": (
        {"bookmarks": {_DAYS: {"replication_key": "time", "replication_key_value": "yesterday"}}},
        "bookmark of 'dimension_data' whose replication_key_value is not a date",
    ),
    "a date beyond all dates": (
        {"bookmarks": {_DAYS: {"replication_key": "time", "replication_key_value": 10**15}}},
        "whose replication_key_value is not a date",
    ),
    "no date in a partition": (
        {"bookmarks": {_DAYS: {"partitions": [{"context": {"a": "b"}, "replication_key_value": "?"}]}}},
        "whose replication_key_value is not a date",
    ),
    "two equal partitions": (
        {"bookmarks": {_DAYS: {"partitions": [{"context": {"a": 1, "b": 2}}, {"context": {"b": 2, "a": 1}}]}}},
        """two partitions of 'dimension_data' with the context {"a":1,"b":2}""",
    ),
    "a partition without context": ({"bookmarks": {_DAYS: {"partitions": [{}]}}}, "partitions[0]"),
    "a first day that is text": ({"bookmarks": {_DAYS: {"first_day": "x"}}}, "first_day should be int, not str"),
    "days read that are no days": (
        {"bookmarks": {_DAYS: {"days_read": [{"first_day": "2026-01-01", "last_day": 5}]}}},
        "last_day should be date, not int",
    ),
    "markers of a foreign stream": (
        {"bookmarks": {"x": {"progress_markers": []}}},
        "bookmark of 'x': progress_markers",
    ),
    "control characters": ({"bookmarks": {"a\n\x1b": 1}}, r"bookmark of 'a\n\x1b'"),
}


@pytest.mark.parametrize("kind", STATES)
def test_a_state_that_no_stream_can_go_on_from_is_told(box: Sandbox, tmp_path: Path, kind: str) -> None:
    state, words = STATES[kind]
    line = _told_here(*write_files(tmp_path, config=config_for(box), state=state))
    assert f"--state {tmp_path}/state.json: h" in line
    assert words in line


def _stream(**entry: Any) -> dict[str, Any]:
    return {"tap_stream_id": "companies", "schema": {"properties": {"_id": {}}}, "metadata": [], **entry}


CATALOGS: dict[str, tuple[Any, str]] = {
    "no streams": ({}, "has no list named streams"),
    "streams as an object": ({"streams": {}}, "has no list named streams"),
    "a stream that is text": ({"streams": ["companies"]}, "streams[0]: it should be object, not str"),
    "no schema": ({"streams": [{"tap_stream_id": "companies"}]}, "streams[0] ('companies'): Object missing required"),
    "no properties": ({"streams": [_stream(schema={})]}, "missing required field properties"),
    "a property that is true": (
        {"streams": [_stream(schema={"properties": {"a": True}})]},
        "should be object, not bool",
    ),
    "metadata as an object": ({"streams": [_stream(metadata={})]}, "metadata should be array, not object"),
    "selected as text": (
        {"streams": [_stream(metadata=[{"breadcrumb": [], "metadata": {"selected": "false"}}])]},
        "selected should be bool or null, not str",
    ),
    "two names": ({"streams": [_stream(stream="accounts")]}, "whose stream has another name: 'accounts'"),
    "a replication key that is none": ({"streams": [_stream(replication_key="changed")]}, "replication key 'changed'"),
}


@pytest.mark.parametrize("kind", CATALOGS)
def test_a_catalog_that_is_none_is_told(box: Sandbox, tmp_path: Path, kind: str) -> None:
    catalog, words = CATALOGS[kind]
    line = _told_here(*write_files(tmp_path, config=config_for(box), catalog=catalog))
    assert f"--catalog {tmp_path}/catalog.json: has " in line
    assert words in line
    assert "what the tap writes with --discover" in line


@pytest.mark.parametrize("option", [[], ["--discover"], ["--test"]])
def test_every_command_tells_all_wrong_settings_in_one_line(box: Sandbox, tmp_path: Path, option: list[str]) -> None:
    config = config_for(box, parallel_calls="many", start_date=[1], conversation_types="note")
    line = _told_here(*write_files(tmp_path, config=config), *option)
    for words in ("parallel_calls: 'many' is not of type 'integer'", "start_date: [1]", "conversation_types: 'note'"):
        assert words in line


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a storage that there is not": (
        {"batch_config": {"encoding": {"format": "jsonl"}, "storage": {"root": "nowhere://a"}}},
        "batch_config: storage cannot be used",
    ),
    "flattening without a depth": ({"flattening_enabled": True}, "flattening_max_depth is required"),
    "an end beyond all days": ({"end_date": "99999999999"}, "end_date: '99999999999' is not a date of the form YYYY"),
    "a date in another order": ({"start_date": "01/02/2026"}, "start_date: '01/02/2026' is not a date of the form"),
    "a day that there is not": ({"start_date": "2026-02-30"}, "start_date: '2026-02-30' is not a date of the form"),
    "a day as a number": ({"start_date": "20000"}, "start_date: '20000' is not a date of the form"),
    "words after a date": ({"start_date": "2026-01-01T10:00 or so"}, "start_date: '2026-01-01T10:00 or so' is not"),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_settings_that_turn_out_not_to_work_are_named(box: Sandbox, tmp_path: Path, kind: str) -> None:
    settings, words = SETTINGS[kind]
    files = write_files(tmp_path, config={**config_for(box), **settings})
    assert words in _told_here(*files)


def test_a_log_level_that_there_is_not_is_told(box: Sandbox, tmp_path: Path) -> None:
    result = run_command(*write_files(tmp_path, config=config_for(box)), LOGLEVEL="loud")
    assert _only_line(result) == "LOGLEVEL or SINGER_SDK_LOG_CONFIG cannot be used: Unknown level: 'LOUD'"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_as_shells_write_them_are_read(box: Sandbox, tmp_path: Path, encoding: str) -> None:
    config = config_for(box)
    catalog = catalog_for(config, "companies", _DAYS)
    state = run(config, catalog=catalog).state
    state["bookmarks"][_DAYS]["note"] = {"ratio": 0.1, "text": "Käse \N{ROCKET}", "big": 10**30}
    options = []
    for name, document in {"config": config, "catalog": catalog, "state": state}.items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(json.dumps(document, ensure_ascii=False, indent=1).encode(encoding))
        options += [f"--{name}", str(path)]
    result = run_command(*options)
    assert result.returncode == 0, result.stderr
    output = parsed(result.stdout.splitlines())
    assert output.ids("companies")
    for each in (output.state, state):
        # How many points a day of the last window had.
        each["bookmarks"][_DAYS].pop("rows_per_day")
    # The command also notes what it found out about the definitions, for which this catalog has no stream.
    del output.state["bookmarks"]["custom_fields"]
    assert output.state == state


def test_a_catalog_and_a_state_go_round(box: Sandbox, tmp_path: Path) -> None:
    files = write_files(tmp_path, config=config_for(box))
    discovered = run_command(*files, "--discover")
    catalog = json.loads(discovered.stdout)
    for entry in catalog["streams"]:
        entry["replication_method"] = "INCREMENTAL"
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    files += ["--catalog", str(tmp_path / "catalog.json")]
    first = parsed(run_command(*files).stdout.splitlines())
    again = run_command(*files, *write_files(tmp_path, state=first.state))
    assert again.returncode == 0, again.stderr
    assert not _warnings(again)
    second = parsed(again.stdout.splitlines())
    assert len(second.messages) < len(first.messages)
    assert {stream: set(marks) for stream, marks in second.state["bookmarks"].items()} == {
        stream: set(marks) for stream, marks in first.state["bookmarks"].items()
    }


def _selecting(config: dict[str, Any], *streams: str, unknown: tuple[str, ...] = ()) -> Any:
    catalog = catalog_for(config, *streams)
    for name in unknown:
        metadata = [{"breadcrumb": [], "metadata": {"selected": True}}]
        catalog["streams"].append(_stream(tap_stream_id=name, stream=name, metadata=metadata))
    return catalog


def test_a_catalog_that_selects_nothing_is_said_to(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box)
    catalogs: list[Any] = [_selecting(config), {"streams": []}]
    for catalog in catalogs:
        result = run_command(*write_files(tmp_path, config=config, catalog=catalog))
        assert result.returncode == 0
        (line,) = _warnings(result)
        assert "The catalog selects no stream that exists, so nothing is read" in line
        assert "'assets', 'campaigns'" in line or "Existing streams: assets, campaigns" in line
        assert not result.stdout


def test_streams_that_do_not_exist_are_named_beside_those_that_do(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box)
    catalog = _selecting(config, "companies", unknown=("accounts", "con\ntacts", "c", "d", "e", "f"))
    result = run_command(*write_files(tmp_path, config=config, catalog=catalog))
    assert result.returncode == 0
    (line,) = _warnings(result)
    assert r"not exist: 'accounts', 'con\ntacts', 'c', 'd', 'e' and 1 more. Existing streams: assets," in line
    assert parsed(result.stdout.splitlines()).ids("companies")


def test_a_catalog_of_another_tap_reads_nothing_and_says_so(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box)
    result = run_command(
        *write_files(tmp_path, config=config, catalog={"streams": _selecting(config, unknown=("x",))["streams"][-1:]})
    )
    assert result.returncode == 0
    first, second = _warnings(result)
    assert "do not exist: 'x'" in first
    assert "nothing is read" in second
