"""The real command when its run ends before its input does: what it sends, counts and says, and what its tap sees."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import connection, lines, records, state, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = str(Path(sys.executable).with_name("target-planhat"))


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1) as running:
        yield running


def started(box: Sandbox, folder: Path, **settings: Any) -> subprocess.Popen[bytes]:
    config = folder / "config.json"
    config.write_text(json.dumps(connection(box, **settings)), "utf-8")
    return subprocess.Popen(
        [COMMAND, "--config", str(config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def summary_in(log: str) -> dict[str, Any]:
    (line,) = [line for line in log.splitlines() if "SUMMARY " in line]
    return dict(json.loads(line.split("SUMMARY ")[1]))


def companies(start: int, stop: int, **more: Any) -> list[dict[str, Any]]:
    return [{"external_id": f"k{number}", "name": "n", **more} for number in range(start, stop)]


def test_one_wrong_row_among_ten(box: Sandbox, tmp_path: Path) -> None:
    endusers: list[dict[str, Any]] = [
        {"external_id": f"e{place}", "company_external_id": "c", "featured": "perhaps" if place == 4 else True}
        for place in range(10)
    ]
    given = lines([*stream("companies", [{"external_id": "c", "name": "C"}]), *stream("endusers", endusers), state(1)])
    process = started(box, tmp_path)
    output, told = process.communicate(given, timeout=60)
    log = told.decode()
    assert process.returncode == 4, log
    assert output == b""
    assert summary_in(log) == {
        "streams": {"companies": {"created": 1}, "endusers": {"created": 9, "rejected": 1}},
        "total": {"created": 10, "rejected": 1},
        "whole_input": True,
        "rejects_file": None,
        "calls": len(box.calls),
        "calls_retried": 0,
        "seconds_waited": 0.0,
    }
    assert "1 of 11 records rejected" in log.splitlines()[-1]


def test_a_tap_that_waits_for_its_source_is_not_waited_for(box: Sandbox, tmp_path: Path) -> None:
    with started(box, tmp_path) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(lines([*stream("companies", companies(0, 5)), {"nonsense": 1}]))
        process.stdin.write(lines(records("companies", companies(5, 8))))
        process.stdin.flush()
        begun = time.monotonic()
        log = process.stderr.read().decode()
        assert process.wait(20) == 6
        assert time.monotonic() - begun < 8
    found = summary_in(log)
    assert found["streams"] == {"companies": {"created": 5, "unsent": 3}}
    assert not found["whole_input"]
    assert "There may be more in the input" in log


def test_a_tap_that_is_about_to_end_can_do_so(box: Sandbox, tmp_path: Path) -> None:
    with started(box, tmp_path, api_token="not-the-token-at-all") as process:
        assert process.stdin
        assert process.stderr
        for start in range(0, 20_000, 1000):
            # A pipe holds some 65,000 bytes: this blocks, or fails, as soon as nobody reads.
            process.stdin.write(lines(stream("companies", companies(start, start + 1000))))
        process.stdin.close()
        log = process.stderr.read().decode()
        assert process.wait(20) == 3
    assert summary_in(log)["streams"] == {"companies": {"unsent": 20_000}}
    assert summary_in(log)["whole_input"]
    assert "the token is not accepted" in log.splitlines()[-1]


def test_a_tap_that_never_ends_is_left_after_some_seconds(box: Sandbox, tmp_path: Path) -> None:
    one = lines(records("companies", companies(5, 6)))
    begun = time.monotonic()
    process = started(box, tmp_path, api_token="not-the-token-at-all")
    try:
        assert process.stdin
        process.stdin.write(lines(stream("companies", companies(0, 5))))
        while time.monotonic() - begun < 30:
            process.stdin.write(one)
            process.stdin.flush()
            time.sleep(0.01)
    except BrokenPipeError:
        assert time.monotonic() - begun < 15
    _, log = process.communicate(timeout=20)
    assert process.returncode == 3, log.decode()
