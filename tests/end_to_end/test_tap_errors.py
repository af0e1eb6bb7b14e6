"""Faults met by the real command: what it says, how it exits, what state it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.tap_support import catalog_for, config_for, parsed, run_command, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

_STREAMS = ("assets", "dimension_data", "endusers", "sales")
_QUICK = {"timeout_seconds": 1}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=12, seed=3, days=5) as sandbox:
        yield sandbox


def _sync(box: Sandbox, folder: Path, faults: list[dict[str, Any]], **settings: Any) -> CompletedProcess[str]:
    config = config_for(box, **{**_QUICK, **settings})
    files = write_files(folder, config=config, catalog=catalog_for(config_for(box), *_STREAMS))
    box.set_faults(faults)
    result = run_command(*files)
    assert config["api_token"] not in result.stderr
    return result


def _last_error(result: CompletedProcess[str]) -> str:
    lines = [line for line in result.stderr.splitlines() if "CRITICAL" in line]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    return lines[0]


def test_a_wrong_token_ends_the_run_with_a_hint_at_the_region(box: Sandbox, tmp_path: Path) -> None:
    result = _sync(box, tmp_path, [], api_token="not-the-token-at-all")
    assert result.returncode == 3
    assert "region" in _last_error(result)
    assert "not-the-token" not in result.stderr


def test_a_wrong_region_ends_the_run_with_a_hint_at_the_region(box: Sandbox, tmp_path: Path) -> None:
    result = _sync(box, tmp_path, [{"kind": "wrong_region"}])
    assert result.returncode == 3
    assert "region" in _last_error(result)


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_the_token_may_not_see_is_skipped(box: Sandbox, tmp_path: Path, status: int) -> None:
    result = _sync(box, tmp_path, [{"kind": "status", "path": "endusers", "status": status}])
    output = parsed(result.stdout.splitlines())
    assert result.returncode == 0
    assert "Skipped 'endusers'" in result.stderr
    assert "endusers" not in output.records
    assert output.ids("sales")
    assert "endusers" in output.schemas


@pytest.mark.parametrize(("status", "code"), [(403, 3), (404, 2)])
def test_losing_permission_halfway_is_a_failure_with_the_code_of_the_target(
    box: Sandbox, tmp_path: Path, status: int, code: int
) -> None:
    box.set_switch("page_max", 50)
    result = _sync(box, tmp_path, [{"kind": "status", "path": "endusers", "status": status, "nth": 2}])
    assert result.returncode == code
    assert f"({status})" in _last_error(result)
    assert "sales" not in parsed(result.stdout.splitlines()).records


@pytest.mark.parametrize("kind", ["html", "truncate", "invalid_json", "drop", "stall", "status"])
def test_a_passing_fault_is_repeated_without_a_trace_in_the_data(box: Sandbox, tmp_path: Path, kind: str) -> None:
    result = _sync(box, tmp_path, [{"kind": kind, "path": "endusers", "times": 1, "seconds": 5}])
    assert result.returncode == 0, result.stderr
    ids = parsed(result.stdout.splitlines()).ids("endusers")
    assert len(ids) == len(set(ids)) == len(box.rows("endusers"))


@pytest.mark.parametrize("kind", ["html", "drop", "stall"])
def test_a_lasting_fault_ends_the_run_and_keeps_what_was_reached(box: Sandbox, tmp_path: Path, kind: str) -> None:
    result = _sync(box, tmp_path, [{"kind": kind, "path": "endusers", "seconds": 5}])
    assert result.returncode == 5, result.stderr
    assert "endusers" in _last_error(result)
    output = parsed(result.stdout.splitlines())
    assert output.ids("assets")
    assert "replication_key_value" in output.state["bookmarks"]["dimension_data"]
    assert "sales" not in output.records


def test_the_quota_is_waited_for(box: Sandbox, tmp_path: Path) -> None:
    fault = {"kind": "status", "status": 429, "path": "endusers", "times": 2, "retry_after": "1"}
    result = _sync(box, tmp_path, [fault], timeout_seconds=10)
    assert result.returncode == 0, result.stderr
    assert parsed(result.stdout.splitlines()).ids("endusers")


@pytest.mark.parametrize(
    ("settings", "code", "text"),
    [
        ({"api_token": None}, 2, "api_token"),
        ({"start_date": "yesterday"}, 2, "start_date: 'yesterday' is not a date"),
        ({"partition_by": "dimension"}, 2, "dimension_ids"),
        ({"base_url": "planhat"}, 2, "base_url"),
    ],
    ids=["token", "date", "partition", "url"],
)
def test_wrong_settings_are_named(box: Sandbox, tmp_path: Path, settings: dict[str, Any], code: int, text: str) -> None:
    config = {name: value for name, value in config_for(box, **settings).items() if value is not None}
    result = run_command(*write_files(tmp_path, config=config))
    assert result.returncode == code, result.stderr
    assert text in result.stderr
    assert not parsed(result.stdout.splitlines()).records.get("dimension_data")


def test_discovery_and_the_connection_test_fail_in_one_line(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box, api_token="not-the-token-at-all")
    for option in ("--discover", "--test"):
        result = run_command(*write_files(tmp_path, config=config), option)
        assert result.returncode == 3
        assert "region" in _last_error(result)
        assert not result.stdout


def test_the_connection_test_reads_little(box: Sandbox, tmp_path: Path) -> None:
    result = run_command(*write_files(tmp_path, config=config_for(box)), "--test")
    assert result.returncode == 0, result.stderr
    assert all(len(rows) == 1 for rows in parsed(result.stdout.splitlines()).records.values())
    assert max(call.rows for call in box.calls if call.path not in {"leancompanies", "customfields"}) <= 2
    # Each stream ends before its end, which is what the test asks for and no error.
    assert not [line for line in result.stderr.splitlines() if " ERROR " in line]
