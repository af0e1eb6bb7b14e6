"""The real command: exit codes, files, signals, kills, pipes."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.quota_support import has_passed
from tests.target_support import connection, lines, records, schema, state, stream
from tests.warm_commands import TARGET, run_warm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COMMAND = str(Path(sys.executable).with_name("target-planhat"))


@pytest.fixture(scope="module")
def module_box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1) as sandbox:
        yield sandbox


def settings_file(box: Sandbox, folder: Path, **settings: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(connection(box, **settings)), "utf-8")
    return path


def command(box: Sandbox, folder: Path, given: bytes, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    config = settings_file(box, folder, **settings)
    return run_warm(TARGET, "--config", str(config), given=given)


GOOD = lines([*stream("companies", [{"external_id": "e1", "name": "A"}]), state({"at": 1})])


@pytest.mark.parametrize(
    "case",
    [
        (GOOD, {}, 0, "1 records: 1"),
        (GOOD, {"max_rejects": "100%"}, 2, "needs rejects_dir"),
        (GOOD, {"load_method": "perhaps"}, 2, "'perhaps' is not one of"),
        (GOOD, {"checkpoint_seconds": None, "streams": None, "nulls": None, "max_rejects": None}, 0, "1 records: 1"),
        (GOOD, {"max_rejects": "some"}, 2, "max_rejects: must be a whole number such as 100, or a share"),
        (GOOD, {"on_reject": "continue"}, 0, "on_reject has no effect any more: set max_rejects to 100%"),
        (GOOD, {"streams": {"companies": {"clear": ["name"]}}}, 2, "'clear' any more: name these fields in nulls"),
        (GOOD, {"streams": {"companies": {"colums": {}}}}, 2, "Did you mean 'columns'?"),
        (GOOD, {"rejects_dir": "/proc/nowhere"}, 2, "cannot create folder"),
        (GOOD, {"api_token": 123456789012345}, 2, "api_token: must be text"),
        (GOOD, {"reject_dir": "x"}, 0, "There is no setting 'reject_dir'. Did you mean 'rejects_dir'?"),
        (lines(stream("compnies", [{"a": 1}])), {}, 2, "Did you mean 'companies'?"),
        (lines(stream("companies", [{"extern_id": 1}])), {}, 2, "did you mean 'externalId'?"),
        (GOOD, {"api_token": "wrong-token-1234567890"}, 3, "region"),
        (lines(stream("companies", [{"external_id": "x", "name": None}])), {}, 4, "externalId=x"),
        (
            lines(stream("metrics", [{"dimensionId": "d", "externalId": "x", "value": 1}])),
            {"tenant_token": "5a4db0c5-0000-4000-8000-00000000dead"},
            2,
            "Check tenant_token, then analytics_url",
        ),
        (GOOD, {"base_url": "http://127.0.0.1:9", "timeout_seconds": 1}, 5, "127.0.0.1"),
        (b"not json\n", {}, 6, "line 1 of the input is not JSON: invalid character (byte 4)"),
        (
            lines(records("companies", [{"a": 1}])),
            {},
            6,
            "line 1 of the input: RECORD of stream 'companies' comes before a SCHEMA",
        ),
        (
            b'{"type": "WHAT"}\n',
            {},
            6,
            "line 1 of the input: a message of type 'WHAT'; the known types are RECORD, SCHEMA",
        ),
    ],
)
def test_exit_codes(module_box: Sandbox, tmp_path: Path, case: tuple[bytes, dict[str, Any], int, str]) -> None:
    given, settings, code, told = case
    finished = command(module_box, tmp_path, given, **settings)
    log = finished.stderr.decode()
    assert finished.returncode == code, log
    assert told in log
    assert (finished.stdout == b'{"at": 1}\n') == (code == 0)
    assert "Traceback" not in log
    assert module_box.api_token not in log
    assert module_box.tenant_token not in log
    assert "wrong-token" not in log
    assert "00000000dead" not in log
    assert "123456789012345" not in log


def test_a_wait_for_the_quota_is_told_in_one_line(module_box: Sandbox, tmp_path: Path) -> None:
    quota_store = has_passed(tmp_path / "quota.sqlite", calls=20, seconds_ago=46)
    finished = command(module_box, tmp_path, GOOD, quota_store=quota_store, calls_per_minute=20)
    assert finished.returncode == 0
    assert finished.stderr.decode().count("Waiting for the quota: 20 calls a minute are allowed") == 1


def test_what_calls_waited_for_is_told_at_the_end(tmp_path: Path) -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([{"kind": "status", "status": 429, "method": "PUT", "times": 2, "retry_after": "1"}])
        finished = command(box, tmp_path, GOOD)
        log = finished.stderr.decode()
        assert finished.returncode == 0, log
        line = next(line for line in log.splitlines() if "SUMMARY" in line)
        summary = json.loads(line.split("SUMMARY ")[1])
        assert (summary["calls"], summary["calls_retried"]) == (len(box.calls), 2)
        assert 2 <= summary["seconds_waited"] < 20
        seconds = round(summary["seconds_waited"])
        assert f"Made {len(box.calls)} calls; {seconds} s waited for the quota; 2 calls retried\n" in log
        assert log.count("429") == 1


def test_a_run_that_fails_tells_its_calls(tmp_path: Path) -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([{"kind": "status", "status": 503, "method": "PUT"}])
        finished = command(box, tmp_path, GOOD, timeout_seconds=1)
        log = finished.stderr.decode()
        assert finished.returncode == 5, log
        summary = json.loads(next(line for line in log.splitlines() if "SUMMARY" in line).split("SUMMARY ")[1])
        assert summary["calls"] == len(box.calls)
        assert summary["calls_retried"] == [call.status for call in box.calls].count(503) - 1 > 0
        assert f"Made {len(box.calls)} calls; {summary['calls_retried']} call" in log


def test_rejects_are_replayed(tmp_path: Path) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows: list[dict[str, Any]] = [{"source_id": "a", "name": "A", "company_source_id": "late", "number": 1.50}]
        sent = lines([*stream("assets", rows), state(1)])
        blocks = {"assets": {"columns": {"number": "value"}}}
        common = {"streams": blocks, "rejects_dir": str(tmp_path / "rejects"), "max_rejects": "100%"}
        first = command(box, tmp_path, sent, **common)
        assert (first.returncode, first.stdout) == (0, b"1\n"), first.stderr.decode()
        (file,) = (tmp_path / "rejects").glob("*.singer")
        assert oct(file.stat().st_mode)[-3:] == "600"
        config = tmp_path / "config.json"
        assert f"send them again with: target-planhat --config {config} < {file}" in first.stderr.decode()
        messages = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        assert [message["type"] for message in messages] == ["SCHEMA", "RECORD"]
        assert messages[1]["record"] == rows[0]
        assert messages[1]["planhat_rejection"]["attempt"] == 1
        assert "company" in messages[1]["planhat_rejection"]["reason"]
        again = command(box, tmp_path, file.read_bytes(), **common)
        assert again.returncode == 0
        (second,) = set((tmp_path / "rejects").glob("*.singer")) - {file}
        assert json.loads(second.read_text("utf-8").splitlines()[1])["planhat_rejection"]["attempt"] == 2
        command(box, tmp_path, lines(stream("companies", [{"source_id": "late", "name": "Late"}])))
        third = command(box, tmp_path, file.read_bytes(), **common)
        assert third.returncode == 0
        assert b"1 records: 1 created" in third.stderr
        assert len(list((tmp_path / "rejects").glob("*.singer"))) == 2


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_rejects": 3}, 0),
        ({"max_rejects": 2}, 4),
        ({"max_rejects": "30%"}, 0),
        ({"max_rejects": "29%"}, 4),
    ],
)
def test_rejects_up_to_a_number_or_a_share(
    module_box: Sandbox, tmp_path: Path, limits: dict[str, Any], code: int
) -> None:
    rows: list[dict[str, Any]] = [
        {"external_id": f"p{number}", "name": "x" if number > 2 else None} for number in range(10)
    ]
    finished = command(
        module_box,
        tmp_path,
        lines([*stream("companies", rows), state(1)]),
        rejects_dir=str(tmp_path),
        **limits,
    )
    assert finished.returncode == code
    assert (finished.stdout == b"1\n") == (code == 0)


def test_receipts_and_summary(tmp_path: Path) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows: list[dict[str, Any]] = [
            {"external_id": "a", "name": "A"},
            {"external_id": "b", "name": None},
            {"external_id": "a", "name": "C"},
        ]
        finished = command(box, tmp_path, lines(stream("companies", rows)), receipts_dir=str(tmp_path))
        (file,) = tmp_path.glob("receipts-*.jsonl")
        receipts = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        assert sorted((receipt["key_value"], receipt["outcome"]) for receipt in receipts) == [
            ("a", "created"),
            ("a", "merged"),
            ("b", "rejected"),
        ]
        assert len({tuple(receipt) for receipt in receipts}) == 1
        line = next(line for line in finished.stderr.decode().splitlines() if "SUMMARY" in line)
        assert json.loads(line.split("SUMMARY ")[1])["streams"] == {
            "companies": {"created": 1, "merged": 1, "rejected": 1}
        }


def batch(folder: Path, name: str, rows: Iterable[dict[str, Any]], compression: str = "none") -> dict[str, Any]:
    path = folder / name
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    path.write_bytes(gzip.compress(content) if compression == "gzip" else content)
    return {
        "type": "BATCH",
        "stream": "companies",
        "encoding": {"format": "jsonl", "compression": compression},
        "manifest": [path.as_uri()],
    }


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_batch_messages_follow_the_rules_of_records(tmp_path: Path, compression: str) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [{"external_id": number, "name": "x" if number else None} for number in range(12)]
        messages = [schema("companies", ["external_id", "name"]), batch(tmp_path, "b", rows, compression), state(1)]
        finished = command(
            box, tmp_path, lines(messages), batch_size_rows=5, max_rejects="100%", rejects_dir=str(tmp_path)
        )
        assert finished.returncode == 0, finished.stderr.decode()
        assert b"11 created, 1 rejected" in finished.stderr
        assert finished.stdout == b"1\n"
        assert [call.rows for call in box.calls if call.method == "PUT"][:2] == [5, 5]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"encoding": {"format": "parquet"}}, "'parquet' with 'none' is not supported"),
        ({"manifest": ["s3://bucket/file"]}, "only local files"),
        ({"manifest": ["file:///nowhere"]}, "cannot read batch file"),
    ],
)
def test_other_batches_are_refused(module_box: Sandbox, tmp_path: Path, change: dict[str, Any], told: str) -> None:
    messages = [schema("companies", ["external_id"]), {**batch(tmp_path, "b", []), **change}]
    finished = command(module_box, tmp_path, lines(messages))
    assert finished.returncode == 6
    assert told in finished.stderr.decode()


def test_activate_version_does_nothing(module_box: Sandbox, tmp_path: Path) -> None:
    messages = stream("companies", [{"external_id": "e9", "name": "A"}])
    messages.append({"type": "ACTIVATE_VERSION", "stream": "companies", "version": 1})
    finished = command(module_box, tmp_path, lines(messages))
    assert finished.returncode == 0
    assert b"rows of older versions stay in Planhat" in finished.stderr


def company_rows(start: int, stop: int) -> list[dict[str, Any]]:
    return [{"external_id": f"k{number}", "name": f"Company {number}"} for number in range(start, stop)]


def enduser_row(number: int) -> dict[str, Any]:
    return {"external_id": f"u{number}", "company_external_id": f"k{number}", "email": f"u{number}@example.com"}


def point(number: int) -> dict[str, Any]:
    return {"dimensionId": "logins", "externalId": f"k{number}", "date": "2026-01-01", "value": number}


def stored(box: Sandbox) -> set[str]:
    return {row["externalId"] for row in box.rows("companies") if str(row.get("externalId")).startswith("k")}


def feed(pipe: IO[bytes], messages: Iterable[dict[str, Any]]) -> None:
    try:
        for message in messages:
            pipe.write(lines([message]))
            pipe.flush()
    except (BrokenPipeError, ValueError):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["waiting", "sending"])
def test_signals_end_the_run_with_exact_state(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    with Sandbox(companies=3, seed=1) as box:
        if moment == "sending":
            box.set_faults([{"kind": "latency", "path": "companies", "seconds": 0.7}])
        config = settings_file(box, tmp_path, batch_size_rows=5)
        process = subprocess.Popen(
            [COMMAND, "--config", str(config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(lines([schema("companies", ["external_id", "name"])]))
        for start in range(0, 18, 3):
            process.stdin.write(lines([*records("companies", company_rows(start, start + 3)), state(start + 3)]))
        process.stdin.flush()
        deadline = time.monotonic() + 20
        while not [call for call in box.calls if call.path == "companies"] and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.4 if moment == "sending" else 0.8)
        process.send_signal(number)
        output, log = process.stdout.read(), process.stderr.read()
        assert process.wait(20) == 128 + number, log.decode()
        process.stdin.close()
        process.stdout.close()
        process.stderr.close()
        reached = [json.loads(line) for line in output.splitlines()]
        acknowledged = reached[-1] if reached else 0
        assert stored(box) >= {row["external_id"] for row in company_rows(0, acknowledged)}
        if moment == "waiting":
            assert acknowledged == 18


def rerun(box: Sandbox, config: Path, start: int, total: int, kill_after: float | None) -> int:
    """Run the target from a state as a tap would feed it; the last state that came out."""
    process = subprocess.Popen(
        [COMMAND, "--config", str(config)],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout

    def messages() -> Iterator[dict[str, Any]]:
        yield schema("companies", ["external_id", "name"])
        yield schema("endusers", ["external_id", "company_external_id", "email"])
        yield schema("metrics", ["dimensionId", "externalId", "date", "value"])
        for at in range(start, total, 10):
            numbers = range(at, min(at + 10, total))
            yield from records("companies", company_rows(numbers.start, numbers.stop))
            yield from records("endusers", map(enduser_row, numbers))
            yield from records("metrics", map(point, numbers))
            yield state(numbers.stop)
            time.sleep(0.002)

    feeder = threading.Thread(target=feed, args=(process.stdin, messages()))
    feeder.start()
    if kill_after is not None:
        time.sleep(kill_after)
        process.kill()
        output = process.stdout.read()
    else:
        feeder.join()
        process.stdin.close()
        output = process.stdout.read()
    process.wait(20)
    feeder.join()
    process.stdin.close()
    process.stdout.close()
    whole = [line for line in output.split(b"\n")[:-1] if line]
    return int(whole[-1]) if whole else start


def assert_stored(box: Sandbox, numbers: int) -> None:
    """Every row before a state is there, with the company it belongs to."""
    companies = {row["_id"]: row.get("externalId") for row in box.rows("companies")}
    endusers = {row.get("externalId"): companies.get(row["companyId"]) for row in box.rows("endusers")}
    points = {(row["externalId"], row["value"]) for row in box.landed_metrics if row["dimensionId"] == "logins"}
    for number in range(numbers):
        assert endusers[f"u{number}"] == f"k{number}"
        assert (f"k{number}", number) in points


def test_no_row_is_missing_after_kills_at_random_moments(tmp_path: Path) -> None:
    total = 3_000
    moments = random.Random(4)
    with Sandbox(companies=3, seed=1, switches={"calls_per_minute": 0}) as box:
        box.set_faults([{"kind": "latency", "path": "companies", "seconds": 0.02}])
        config = settings_file(box, tmp_path, batch_size_rows=40, checkpoint_seconds=1)
        reached, kills = 0, 0
        while reached < total:
            kill = moments.uniform(0.8, 2.8) if kills < 5 else None
            before = reached
            reached = rerun(box, config, reached, total, kill)
            kills += 1
            assert reached >= before
            assert_stored(box, reached)
        assert kills > 2
        assert len(stored(box)) == total
        assert len([row for row in box.rows("endusers") if str(row.get("externalId")).startswith("u")]) == total


def test_round_trip_of_an_unchanged_tenant_changes_nothing(tmp_path: Path) -> None:
    with Sandbox(companies=8, seed=1, days=2, switches={"updated_at_on_equal": "kept"}) as box:
        tap = Path(sys.executable).with_name("tap-planhat")
        config = settings_file(box, tmp_path)
        found = subprocess.run([str(tap), "--config", str(config)], capture_output=True, check=False, timeout=60)
        assert found.returncode == 0, found.stderr.decode()
        kept = [
            line
            for line in found.stdout.splitlines(keepends=True)
            if json.loads(line).get("stream") not in {"workflows", "companies_lean", "dimension_data"}
        ]
        before = {path: box.rows(path) for path in box.counts() if path != "dimensiondata"}
        finished = command(box, tmp_path, b"".join(kept))
        log = finished.stderr.decode()
        assert finished.returncode == 0, log
        line = next(line for line in log.splitlines() if "SUMMARY" in line)
        total = json.loads(line.split("SUMMARY ")[1])["streams"]
        assert {name: set(counts) for name, counts in total.items()} == {name: {"unchanged"} for name in total}
        assert len(total) > 20
        assert {path: box.rows(path) for path in before} == before
