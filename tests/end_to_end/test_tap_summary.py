"""What the command tells of a run: numbers that agree with what it wrote, and why it was slow."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.quota_support import has_passed
from tests.tap_support import catalog_for, config_for, parsed, run_command, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STREAMS = ("companies", "dimension_data", "endusers", "sales")
_DONE = re.compile(r"Done: (\w+), ([\d,]+) rows(?: changed since [\d-]+ [\d:]+ UTC, of ([\d,]+) rows read)?")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=12, seed=3, days=5) as sandbox:
        yield sandbox


def _summary(stderr: str) -> dict[str, Any]:
    (line,) = [line for line in stderr.splitlines() if "SUMMARY" in line]
    summary: dict[str, Any] = json.loads(line.partition("SUMMARY ")[2])
    return summary


def _done(stderr: str) -> dict[str, tuple[str, str | None]]:
    return {found[1]: (found[2], found[3]) for found in map(_DONE.search, stderr.splitlines()) if found}


def test_the_summary_agrees_with_what_was_written_and_asked(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box, incrementl=True)
    files = write_files(tmp_path, config=config, catalog=catalog_for(config, *_STREAMS))
    box.set_faults([{"kind": "status", "path": "sales", "status": 403}])
    box.forget_calls()
    result = run_command(*files)
    assert result.returncode == 0, result.stderr
    output, summary = parsed(result.stdout.splitlines()), _summary(result.stderr)
    written = {stream: len(output.records.get(stream, [])) for stream in _STREAMS}
    assert {stream: counts["records"] for stream, counts in summary["streams"].items()} == written
    assert summary["total"] == {"records": sum(written.values()), "calls": len(box.calls)}
    assert summary["streams"]["sales"]["calls"] == 1
    assert summary["skipped"] == ["sales"]
    assert summary["warnings"] == 2
    assert summary["complete"]
    told = next(line for line in result.stderr.splitlines() if "Read: " in line)
    assert told.endswith(
        f"Read: {sum(written.values())} records of 3 streams in {len(box.calls)} calls; skipped: sales; 2 warnings"
    )


def test_a_run_that_ends_early_tells_how_far_it_came(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box, timeout_seconds=1)
    files = write_files(tmp_path, config=config, catalog=catalog_for(config, *_STREAMS))
    box.set_faults([{"kind": "drop", "path": "endusers"}])
    result = run_command(*files)
    assert result.returncode == 5
    summary = _summary(result.stderr)
    assert not summary["complete"]
    assert summary["streams"]["endusers"]["records"] == 0
    assert summary["streams"]["companies"]["records"] == len(box.rows("companies"))
    assert "Ended early, after: " in result.stderr


@pytest.mark.parametrize("page_max", [5_000, 7])
def test_an_incremental_run_is_told_as_what_changed(box: Sandbox, tmp_path: Path, page_max: int) -> None:
    box.set_switch("page_max", page_max)
    config = config_for(box, incremental=True, incremental_lookback_minutes=0)
    catalog = catalog_for(config, "companies", "endusers")
    del config["incremental"]
    files = write_files(tmp_path, config=config, catalog=catalog)
    first = run_command(*files)
    written = parsed(first.stdout.splitlines())
    assert _done(first.stderr) == {stream: (str(len(written.ids(stream))), None) for stream in written.records}
    second = run_command(*files, *write_files(tmp_path, state=written.state))
    written = parsed(second.stdout.splitlines())
    for stream, (changed, looked_at) in _done(second.stderr).items():
        assert int(changed) == len(written.ids(stream)) > 0
        assert int(changed) < int(looked_at or 0) <= len(box.rows(stream))
        assert _summary(second.stderr)["streams"][stream]["records"] == int(changed)


def test_a_wait_for_the_quota_is_told_in_one_line(box: Sandbox, tmp_path: Path) -> None:
    quota_store = has_passed(tmp_path / "quota.sqlite", calls=20, seconds_ago=46)
    config = config_for(box)
    catalog = catalog_for(config, "companies", "dimension_data")
    config |= {"quota_store": quota_store, "calls_per_minute": 20}
    result = run_command(*write_files(tmp_path, config=config, catalog=catalog))
    assert result.returncode == 0, result.stderr
    told = [line for line in result.stderr.splitlines() if "Waiting for the quota" in line]
    assert len(told) == 1
    assert "20 calls a minute are allowed (calls_per_minute)" in told[0]
    assert re.search(r"The next call can go out in 1\d s", told[0])
    assert 2 < _summary(result.stderr)["seconds_waited"] < 30
    assert re.search(r"\d+ s waited for the quota", result.stderr)


def test_a_429_to_one_run_is_told_by_all_that_wait_for_it(box: Sandbox, tmp_path: Path) -> None:
    box.set_switch("calls_per_minute", 0)
    config = config_for(box)
    catalog = catalog_for(config, "companies", "endusers", "dimension_data")
    config |= {"quota_store": str(tmp_path / "quota.sqlite"), "timeout_seconds": 30}
    files = write_files(tmp_path, config=config, catalog=catalog)
    box.set_faults([{"kind": "status", "status": 429, "times": 1, "retry_after": "6"}])
    box.forget_calls()
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: run_command(*files), range(2)))
    assert [result.returncode for result in results] == [0, 0]
    calls = sorted(box.calls, key=lambda call: call.at)
    refused = next(call for call in calls if call.status == 429)
    # What was already on its way may still come.
    assert not [call for call in calls if refused.at + 0.3 < call.at < refused.at + 5.9]
    summaries = [_summary(result.stderr) for result in results]
    assert sorted(summary["calls_retried"] for summary in summaries) == [0, 1]
    assert sum(summary["total"]["calls"] for summary in summaries) == len(calls)
    for result, summary in zip(results, summaries, strict=True):
        assert 2 < summary["seconds_waited"] < 20
        told = [line for line in result.stderr.splitlines() if "(429)" in line]
        assert len(told) == 1
        retried = "; 1 call retried" if summary["calls_retried"] else ""
        assert re.search(
            rf"in \d+ calls; \d+ s waited for the quota{retried}(; 1 warnings)?$", result.stderr, re.MULTILINE
        )
        assert ("Retrying in 6.0 s (attempt 2); all processes that share the quota_store wait as long" in told[0]) == (
            summary["calls_retried"] == 1
        )


def test_a_run_that_fails_tells_what_it_waited_for(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box, timeout_seconds=1)
    files = write_files(tmp_path, config=config, catalog=catalog_for(config, *_STREAMS))
    box.set_faults([{"kind": "status", "status": 429, "path": "endusers", "retry_after": "1"}])
    result = run_command(*files)
    assert result.returncode == 5, result.stderr
    summary = _summary(result.stderr)
    assert not summary["complete"]
    assert summary["calls_retried"] == 1
    assert summary["seconds_waited"] >= 1
    assert re.search(r"Ended early, after: .* calls; \d s waited for the quota; 1 call retried", result.stderr)
