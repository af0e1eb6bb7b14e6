"""The real command, stopped at any moment and started again from the last STATE it wrote."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.tap_support import COMMAND, catalog_for, config_for, parsed, run_command, write_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tap_support import Output

_STREAM = "dimension_data"


def _stopped_after(options: list[str], stop: signal.Signals, lines: int) -> tuple[Output, int]:
    """Run the command, stop it by a signal after so many lines, and take the whole lines it wrote."""
    with subprocess.Popen([COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        written = list(islice(process.stdout, lines))
        process.send_signal(stop)
        written += process.stdout
    if stop is not signal.SIGKILL:
        assert written[-1].endswith(b"\n"), (written[-1][:300], len(written[-1]), process.returncode)
    return parsed(line for line in written if line.endswith(b"\n")), process.returncode


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_a_backfill_stopped_again_and_again_misses_no_point(tmp_path: Path, stop: signal.Signals) -> None:
    dice = random.Random(int(stop))
    start = (datetime.now(timezone.utc) - timedelta(days=420)).date().isoformat()
    with Sandbox(companies=60, seed=1, days=400, endusers=60, switches={"page_max": 500}) as box:
        config = config_for(box, start_date=start, lookback_days=3)
        catalog = catalog_for(config, _STREAM)
        state: dict[str, Any] = {}
        seen: set[str] = set()
        codes: list[int] = []
        while not codes or codes[-1] != 0:
            files = write_files(tmp_path, config=config, catalog=catalog, state=state)
            output, code = _stopped_after(files, stop, dice.randint(11_000, 25_000))
            codes.append(code)
            seen.update(output.ids(_STREAM))
            state = output.states[-1] if output.states else state
            assert len(codes) < 40
        stored = {row["_id"] for row in box.rows("dimensiondata")}
    assert seen == stored
    assert len(codes) > 2
    assert set(codes[:-1]) <= {-stop, 128 + stop}


def test_a_loader_that_goes_away_ends_the_run_in_one_line(tmp_path: Path) -> None:
    with Sandbox(companies=60, seed=1, days=100) as box:
        config = config_for(box)
        options = write_files(tmp_path, config=config, catalog=catalog_for(config, _STREAM, "endusers"))
        with subprocess.Popen(
            [COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.readline()
            process.stdout.close()
            log = process.stderr.read()
    assert process.returncode == 1
    assert "The loader closed its input" in log
    assert "Traceback" not in log


def test_the_output_of_a_run_is_whole_lines_in_the_order_of_singer(tmp_path: Path) -> None:
    with Sandbox(companies=10, seed=1, days=10) as box:
        result = run_command(*write_files(tmp_path, config=config_for(box)))
    output = parsed(result.stdout.splitlines())
    announced: set[str] = set()
    for message in output.messages:
        if message["type"] == "SCHEMA":
            announced.add(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in announced
            assert datetime.fromisoformat(message["time_extracted"].replace("Z", "+00:00")).tzinfo
    assert result.returncode == 0
    assert output.messages[-1]["type"] == "STATE"


def test_the_log_tells_rows_pages_and_rate_of_each_stream(tmp_path: Path) -> None:
    with Sandbox(companies=10, seed=1, days=10) as box:
        config = config_for(box)
        result = run_command(*write_files(tmp_path, config=config, catalog=catalog_for(config, "companies", _STREAM)))
    assert "Done: companies, 10 rows in 1 pages" in result.stderr
    assert '"metric":"record_count","value":10,"tags":{"stream":"companies"' in result.stderr
    assert "Reading the days" in result.stderr


def test_settings_can_come_from_the_environment(tmp_path: Path) -> None:
    with Sandbox(companies=10, seed=1, days=40) as box:
        config = config_for(box, dimension_ids=["logins"], custom_field_definitions=False, lookback_days=3)
        environment = {
            f"TAP_PLANHAT_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in config.items()
        }
        options = write_files(tmp_path, catalog=catalog_for(config, _STREAM, "companies"))
        result = run_command("--config", "ENV", *options, **environment)
    output = parsed(result.stdout.splitlines())
    assert result.returncode == 0, result.stderr
    assert {record["dimensionId"] for record in output.records[_STREAM]} == {"logins"}
    assert "properties" not in output.schemas["companies"]["schema"]["properties"]["custom"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_is_whole_with_and_without_python_buffering(tmp_path: Path, unbuffered: str) -> None:
    with Sandbox(companies=20, seed=1, days=60) as box:
        config = config_for(box, stream_maps={"companies": {"name": "name.lower()"}})
        options = write_files(tmp_path, config=config, catalog=catalog_for(config, _STREAM, "companies", "endusers"))
        output = parsed(run_command(*options, PYTHONUNBUFFERED=unbuffered).stdout.splitlines())
        stored = {row["_id"] for path in ("companies", "endusers", "dimensiondata") for row in box.rows(path)}
    assert {key for stream in output.records for key in output.ids(stream)} == stored
