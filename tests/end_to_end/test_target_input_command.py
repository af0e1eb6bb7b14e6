"""Damaged input, and what the command writes to the standard error stream then."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.contract.test_target_input_fuzz import rows_in
from tests.log_support import assert_told_well
from tests.target_support import connection, lines, records, schema, state
from tests.warm_commands import TARGET, run_warm

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
TEXT = {"type": ["string", "null"]}
COLUMNS = {"external_id": TEXT, "name": TEXT, "custom": {"type": ["object", "null"]}}
SCHEMA = schema("companies", COLUMNS, "external_id")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1, switches={"calls_per_minute": 0}) as sandbox:
        yield sandbox


def command(box: Sandbox, folder: Path, given: bytes, **more: str) -> subprocess.CompletedProcess[bytes]:
    config = folder / "config.json"
    rejects = str(folder / "rejects")
    config.write_text(json.dumps(connection(box, max_rejects="100%", rejects_dir=rejects)))
    return run_warm(TARGET, "--config", str(config), given=given, env={**os.environ, **more})


def test_control_characters_are_escaped_in_one_line_for_each_event(box: Sandbox, tmp_path: Path) -> None:
    row = {"external_id": "\x1b[31mred\nINFO a line that nobody logged", "name": "A", "custom": {"No such\x1b[2J": 1}}
    finished = command(box, tmp_path, lines([SCHEMA, *records("companies", [row])]))
    assert finished.returncode == 0
    log = finished.stderr.decode()
    assert_told_well(log)
    (told,) = [line for line in log.splitlines() if "Rejected: " in line]
    assert r"externalId=\u001b[31mred\nINFO a line that nobody logged: " in told


def test_structured_logs_are_safe_too(box: Sandbox, tmp_path: Path) -> None:
    formatter = {"()": "singer_sdk.logging.StructuredFormatter"}
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"json": handler},
        "root": {"level": "INFO", "handlers": ["json"]},
    }
    file = tmp_path / "logging.yaml"
    file.write_text(json.dumps(settings))
    rows = [{"external_id": "a\nb\u202e", "name": None}]
    messages = lines([SCHEMA, *records("companies", rows)])
    finished = command(box, tmp_path, messages, SINGER_SDK_LOG_CONFIG=str(file))
    assert finished.returncode == 0, finished.stderr
    logged = [json.loads(line) for line in finished.stderr.splitlines()]
    assert any(r"externalId=a\nb\u202e" in entry["message"] for entry in logged)
    summary = next(entry["message"] for entry in logged if entry["message"].startswith("SUMMARY "))
    assert json.loads(summary.removeprefix("SUMMARY "))["total"] == {"rejected": 1}
    assert any(entry.get("metric_info") for entry in logged)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        ("a folder", "cannot be read: Is a directory"),
        ("", "is empty"),
        ("{", "is not valid JSON at line 1, column 2"),
        ("[1]", "is a list, not an object"),
        ('"x"', "is a text, not an object"),
        ("7", "is a number, not an object"),
    ],
)
def test_settings_that_cannot_be_read(tmp_path: Path, content: str | None, why: str) -> None:
    file = tmp_path / "config.json"
    if content == "a folder":
        file.mkdir()
    elif content is not None:
        file.write_text(content)
    finished = run_warm(TARGET, "--config", str(file))
    assert finished.returncode == 2
    assert_told_well(finished.stderr.decode())
    told = finished.stderr.decode()
    assert f"--config {file}: {why}. It should hold a JSON object of settings, such as" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("name", ["tap-planhat", "target-planhat"])
def test_what_the_command_line_says_wrong_is_escaped(name: str) -> None:
    finished = subprocess.run([str(BIN / name), "a\nb\x1b[31m"], capture_output=True, check=False, timeout=60)
    assert finished.returncode == 2
    assert rb"(a\nb\u001b[31m)" in finished.stderr


def damaged(seed: int) -> bytes:
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = [{"external_id": f"k{number}", "name": f"CELL{number}é"} for number in range(6)]
    given = [line + b"\n" for line in lines([SCHEMA, *records("companies", rows), state({"at": 1})]).splitlines()]
    for _ in range(2):
        place = chance.randrange(len(given))
        line = given[place]
        at = chance.randrange(len(line))
        other = line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
        given[place] = chance.choice([line[:at] + b"\n", other, line.replace(b'"', b"'"), line])
    return b"".join(given)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_streams(box: Sandbox, tmp_path: Path, seed: int) -> None:
    given = damaged(seed)
    finished = command(box, tmp_path, given)
    assert finished.returncode in {0, 2, 6}
    log = finished.stderr.decode()
    assert_told_well(log, "CELL")
    if finished.returncode == 0:
        line = next(line for line in log.splitlines() if "| SUMMARY " in line)
        assert sum(json.loads(line.partition("| SUMMARY ")[2])["total"].values()) == rows_in(given)
        assert finished.stdout.count(b"\n") <= 1
