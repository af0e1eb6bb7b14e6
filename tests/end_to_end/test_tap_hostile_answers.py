"""A server that would take all memory, or nests without end: the command says so in one line, and stays small."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.hostile_server import ReceivedCall, Told, serving, unfolding
from tests.tap_support import COMMAND, parsed, run, write_files

DEEP = b"[" * 100_000 + b"]" * 100_000
ROWS = [msgspec.json.encode({"_id": f"{n:024x}", "name": f"Company {n}", "a": 1, "b": 2}) for n in range(40)]


@pytest.fixture(autouse=True)
def _no_word_on_python_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK warns of the oldest Python that it supports."""
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


def config_at(url: str, **settings: Any) -> dict[str, Any]:
    return {
        "api_token": "t0ken",
        "base_url": url,
        "quota_store": "",
        "calls_per_minute": 9000,
        "timeout_seconds": 1,
        "custom_field_definitions": False,
        **settings,
    }


def catalog_of(*streams: str) -> Any:
    properties = {"_id": {"type": "string"}, "name": {"type": ["string", "null"]}}
    metadata = [{"breadcrumb": [], "metadata": {"selected": True}}]
    return {
        "streams": [
            {"tap_stream_id": stream, "schema": {"properties": properties}, "metadata": metadata} for stream in streams
        ]
    }


def megabytes_of(pid: int) -> int:
    """The most memory that a process had in use so far; 0 where the system does not tell."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return 0


def told_by(url: str, folder: Path, *options: str, **documents: Any) -> tuple[int, str, bytes, int]:
    """Exit code, the one line that is more than information, the output, and the most megabytes that were in use."""
    files = write_files(folder, **{"config": config_at(url), **documents})
    with (
        (folder / "log").open("wb") as log,
        (folder / "out").open("wb") as out,
        subprocess.Popen([COMMAND, *files, *options], stdout=out, stderr=log) as process,
    ):
        most = 0
        while process.poll() is None:
            most = max(most, megabytes_of(process.pid))
            time.sleep(0.02)
    text = (folder / "log").read_text()
    lines = [line for line in text.splitlines() if " INFO " not in line and "Retrying in" not in line]
    assert len(lines) == 1, text
    return process.returncode, lines[0], (folder / "out").read_bytes(), most


@pytest.mark.parametrize("path", ["companies", "customfields"])
def test_an_answer_that_unfolds_to_300_mb(tmp_path: Path, path: str) -> None:
    told = unfolding()
    with serving(lambda asked: told if asked.path == path else Told(b"[]")) as (url, _):
        config = config_at(url, custom_field_definitions=True)
        catalog = catalog_of("companies")
        catalog["streams"][0]["schema"]["properties"]["custom"] = {"type": ["object", "null"]}
        code, line, _, megabytes = told_by(url, tmp_path, config=config, catalog=catalog)
    assert code == 5
    assert f"GET {path} on 127.0.0.1" in line
    assert "too large (200): more than 67,108,864 bytes, with offset 1 and limit 1" in line
    assert megabytes < 250


@pytest.mark.parametrize("command", [[], ["--discover"], ["--test"]])
def test_an_answer_that_nests_100_000_levels(tmp_path: Path, command: list[str]) -> None:
    with serving(lambda _: Told(DEEP)) as (url, _):
        config = config_at(url, custom_field_definitions=True)
        code, line, out, megabytes = told_by(url, tmp_path, *command, config=config)
    assert code == 5
    assert "GET customfields" in line
    assert "is nested too deeply (200)" in line
    assert "[[" not in line
    assert not out
    assert megabytes < 250


@pytest.mark.parametrize("levels", [960, 1000, 100_000])
def test_a_record_that_nests_too_deeply_is_named_or_passed_on(tmp_path: Path, levels: int) -> None:
    rows = list(ROWS)
    # A number as text has to be converted, so that this record cannot pass as it came.
    rows[30] = b'{"_id":"%024x","name":5,"deep":%s}' % (30, b"[" * levels + b"]" * levels)

    def answers(asked: ReceivedCall) -> Told:
        return Told(b"[" + b",".join(rows[asked.window]) + b"]" if asked.path == "companies" else b"[]")

    with serving(answers) as (url, _):
        files = write_files(tmp_path, config=config_at(url), catalog=catalog_of("companies"))
        done = subprocess.run([COMMAND, *files], capture_output=True, check=False)
    text = done.stderr.decode()
    assert "Traceback" not in text
    if done.returncode == 0:
        assert b"[" * levels in done.stdout
        return
    assert done.returncode == 5
    told = [line for line in text.splitlines() if "CRITICAL" in line or "ERROR" in line]
    assert len(told) == 1, text
    assert "companies" in told[0]
    assert f"{30:024x}" in told[0]


def test_an_honest_list_of_heavy_rows_comes_whole() -> None:
    heavy = [msgspec.json.encode({"_id": f"{n:024x}", "name": "<p>text</p>" * 200_000}) for n in range(60)]

    def answers(asked: ReceivedCall) -> Told:
        return Told(b"[" + b",".join(heavy[asked.window]) + b"]" if asked.path == "companies" else b"[]")

    with serving(answers) as (url, _):
        # So much data may take longer than the short timeout of the other tests, where several run at once.
        output = run({**config_at(url), "timeout_seconds": 20}, catalog=catalog_of("companies"))
    assert output.ids("companies") == [f"{n:024x}" for n in range(60)]


def test_an_integer_of_thousands_of_digits_is_passed_on(tmp_path: Path) -> None:
    digits = b"9" * 5000
    rows = b'[{"_id":"a","name":%s,"b":1,"c":2}]' % digits
    with serving(lambda asked: Told(rows if asked.query.get("offset") == "0" else b"[]")) as (url, _):
        files = write_files(tmp_path, config=config_at(url), catalog=catalog_of("companies"))
        done = subprocess.run([COMMAND, *files], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b'"name":"%s"' % digits in done.stdout


def test_messages_of_the_command_can_be_parsed_up_to_the_fault(tmp_path: Path) -> None:
    told = unfolding()

    def answers(asked: ReceivedCall) -> Told:
        return told if asked.path == "endusers" else Told(b"[%s]" % b",".join(ROWS[asked.window]))

    with serving(answers) as (url, _):
        code, _, out, _ = told_by(url, tmp_path, catalog=catalog_of("companies", "endusers"))
    assert code == 5
    assert len(parsed(out.splitlines()).ids("companies")) == 40
