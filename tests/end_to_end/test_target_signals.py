"""Ctrl-C and SIGTERM are obeyed whatever the target waits for, and decide the exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.hostile_server import ReceivedCall, Told, serving
from tests.target_support import connection, lines, schema, state, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.target_support import Message

COMMAND = str(Path(sys.executable).with_name("target-planhat"))
STOPS = [signal.SIGINT, signal.SIGTERM]
# A container has ten seconds; the rest is for a machine that is busy with other tests.
SECONDS = 14
PENDING = "pending rows that were not sent. They come with the next run"
ROWS = [*stream("companies", [{"external_id": f"stop-{place}", "name": "n"} for place in range(3)]), state(1)]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=1, seed=1) as sandbox:
        yield sandbox


class Running:
    """A target with messages at its input, which stays open."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text("utf-8")

    def wait_until(self, reached: Callable[[], object]) -> None:
        """Wait for the moment of the signal."""
        end = time.monotonic() + 30
        while not reached():
            assert time.monotonic() < end, self.log
            assert self._process.poll() is None, self.log
            time.sleep(0.02)

    def end_input(self) -> None:
        """No more messages come."""
        assert self._process.stdin
        self._process.stdin.close()

    def stop(
        self, number: signal.Signals, *, closes: bool = False, too: Sequence[signal.Signals] = ()
    ) -> tuple[int, list[bytes], float]:
        """Send the signal, and others right after it, then close the input if asked.

        Returns:
            The exit code, the lines of STATE, the seconds it took.
        """
        assert self._process.stdout
        began = time.monotonic()
        self._process.send_signal(number)
        for later in too:
            time.sleep(0.002)
            self._process.send_signal(later)
        if closes:
            self.end_input()
        code = self._process.wait(60)
        took = time.monotonic() - began
        assert "Traceback" not in self.log
        return code, self._process.stdout.read().splitlines(), took


@contextmanager
def running(settings: dict[str, Any], folder: Path, messages: list[Message]) -> Iterator[Running]:
    """Start the target."""
    config, log = folder / "config.json", folder / "log"
    config.write_text(json.dumps({"custom_field_definitions": False, "checkpoint_seconds": 1, **settings}))
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [COMMAND, "--config", str(config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdin
        process.stdin.write(lines(messages))
        process.stdin.flush()
        try:
            yield Running(process, log)
        finally:
            process.kill()


def calls_of(box: Sandbox, path: str, method: str | None = None) -> Callable[[], bool]:
    """Whether Planhat has had a call."""
    return lambda: any(call.path == path and method in {None, call.method} for call in box.calls)


@pytest.mark.parametrize("number", STOPS)
def test_a_planhat_that_cannot_be_reached_does_not_hold_the_run(tmp_path: Path, number: signal.Signals) -> None:
    settings = {"api_token": "t", "base_url": "http://127.0.0.1:9", "quota_store": ""}
    with running(settings, tmp_path, ROWS) as run:
        run.wait_until(lambda: "Retrying in" in run.log)
        code, states, took = run.stop(number)
        assert (code, states) == (128 + number, [])
        assert took < SECONDS
        assert f"ended with 3 {PENDING}" in run.log
        assert "SUMMARY" in run.log


def test_what_was_not_read_yet_is_told_as_well(tmp_path: Path) -> None:
    # The definitions of custom fields are read before the first row.
    settings = {"api_token": "t", "base_url": "http://127.0.0.1:9", "quota_store": "", "custom_field_definitions": True}
    with running(settings, tmp_path, ROWS) as run:
        run.wait_until(lambda: "Retrying in" in run.log)
        code, states, took = run.stop(signal.SIGINT)
        assert (code, states) == (130, [])
        assert took < SECONDS
        assert f"ended with 3 {PENDING}, like the rows that were not read yet" in run.log


def test_a_long_retry_after_does_not_hold_the_run(box: Sandbox, tmp_path: Path) -> None:
    box.set_faults([{"kind": "status", "status": 429, "retry_after": "90"}])
    with running(connection(box), tmp_path, ROWS) as run:
        run.wait_until(lambda: "Retrying in" in run.log)
        code, states, took = run.stop(signal.SIGTERM)
        assert (code, states) == (143, [])
        assert took < SECONDS
        assert f"ended with 3 {PENDING}" in run.log


def test_the_quota_does_not_hold_the_run(box: Sandbox, tmp_path: Path) -> None:
    messages = [*ROWS, *stream("assets", [{"external_id": f"a{place}", "name": "n"} for place in range(3)])]
    with running(connection(box, calls_per_minute=1), tmp_path, messages) as run:
        run.wait_until(calls_of(box, "companies"))
        code, _, took = run.stop(signal.SIGTERM)
        assert code == 143
        assert took < SECONDS
        assert f"ended with 3 {PENDING}" in run.log
        assert '"created":3' in run.log


@pytest.fixture
def slow() -> Iterator[tuple[str, list[ReceivedCall]]]:
    """A server that takes a second and a half for custom fields, and very long for all else."""
    done = threading.Event()

    def answer(asked: ReceivedCall) -> Told:
        done.wait(1.5 if asked.path == "customfields" else 60)
        return Told(b"[]")

    with serving(answer) as (url, calls):
        yield url, calls
        done.set()


def slow_settings(slow: tuple[str, list[ReceivedCall]], **more: Any) -> dict[str, Any]:
    tenant = "5a4db0c5-0000-4000-8000-000000000001"
    urls = {"base_url": slow[0], "analytics_url": slow[0]}
    return {"api_token": "t", "tenant_token": tenant, "quota_store": "", **urls, **more}


def test_a_slow_server_does_not_hold_the_run(slow: tuple[str, list[ReceivedCall]], tmp_path: Path) -> None:
    with running(slow_settings(slow), tmp_path, ROWS) as run:
        run.wait_until(lambda: slow[1])
        code, states, took = run.stop(signal.SIGTERM)
        assert (code, states) == (143, [])
        assert took < SECONDS
        assert f"ended with 3 {PENDING}" in run.log


@pytest.mark.parametrize("too", [(), (signal.SIGINT, signal.SIGTERM)], ids=["once", "as Meltano passes Ctrl-C on"])
def test_points_that_a_slow_server_may_have_taken_are_told(
    slow: tuple[str, list[ReceivedCall]], tmp_path: Path, too: Sequence[signal.Signals]
) -> None:
    points = [{"dimensionId": "d", "externalId": "c", "value": place} for place in range(3)]
    # Without a ledger, the next run could not find out.
    plain = {"write": "all", "check_metric_targets": False, "ledger_dir": ""}
    settings = slow_settings(slow, max_rejects="100%", rejects_dir=str(tmp_path), **plain)
    with running(settings, tmp_path, [*stream("metrics", points), state(1)]) as run:
        run.wait_until(lambda: slow[1])
        code, states, took = run.stop(signal.SIGTERM, too=too)
        # Signals that wait for a busy process reach it in the order of their numbers.
        assert code in {128 + number for number in (signal.SIGTERM, *too)}
        # They may have arrived, and must not be sent again without a word.
        assert states == [b"1"]
        assert took < SECONDS
        assert '"unknown":3' in run.log


@pytest.mark.parametrize("number", STOPS)
def test_the_end_of_input_does_not_hide_a_signal(
    slow: tuple[str, list[ReceivedCall]], tmp_path: Path, number: signal.Signals
) -> None:
    settings = slow_settings(slow, custom_field_definitions=True)
    with running(settings, tmp_path, [schema("companies", ["external_id", "name", "custom.X"])]) as run:
        run.wait_until(lambda: slow[1])
        code, _, _ = run.stop(number, closes=True)
        assert code == 128 + number


def test_a_signal_that_comes_while_the_rest_is_sent_decides_the_code(box: Sandbox, tmp_path: Path) -> None:
    box.set_faults([{"kind": "latency", "path": "companies", "seconds": 2}])
    with running(connection(box, checkpoint_seconds=600), tmp_path, ROWS) as run:
        run.end_input()
        run.wait_until(lambda: "batch_processing_time" in run.log)
        code, states, _ = run.stop(signal.SIGTERM)
        assert (code, states) == (143, [b"1"])
        assert PENDING not in run.log


def test_a_signal_while_a_schema_is_handled_ends_a_run_whose_input_stays_open(
    slow: tuple[str, list[ReceivedCall]], tmp_path: Path
) -> None:
    settings = slow_settings(slow, custom_field_definitions=True, checkpoint_seconds=600)
    with running(settings, tmp_path, [schema("companies", ["external_id", "name", "custom.X"])]) as run:
        run.wait_until(lambda: slow[1])
        code, _, took = run.stop(signal.SIGINT)
        assert code == 130
        assert took < SECONDS


def person(place: int, name: str = "n") -> dict[str, str]:
    # Planhat cannot be asked for a single address, so the whole list is read.
    return {"email": f"p{place}@company1.example", "name": name}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_while_rows_wait_for_a_full_call(box: Sandbox, tmp_path: Path, number: signal.Signals) -> None:
    """They are sent before STATE is written. If the process is killed, the next run sends them."""
    settings = connection(box, write="changes", batch_size_rows=10, checkpoint_seconds=600)
    with running(settings, tmp_path, [*stream("endusers", [person(place) for place in range(35)]), state(0)]) as run:
        run.end_input()
        run.wait_until(lambda: "SUMMARY" in run.log)
    box.forget_calls()
    messages = [*stream("endusers", [person(place, "m" if place % 10 == 1 else "n") for place in range(35)]), state(1)]
    with running(settings, tmp_path, messages) as run:
        run.wait_until(lambda: run.log.count("batch_processing_time") >= 3)
        assert not calls_of(box, "endusers", "PUT")()
        code, states, took = run.stop(number)
        assert took < SECONDS
        is_killed = number == signal.SIGKILL
        assert (code, states) == ((-number, []) if is_killed else (128 + number, [b"1"]))
        assert PENDING not in run.log
    assert sum(row.get("name") == "m" for row in box.rows("endusers")) == (0 if is_killed else 4)
    with running(settings, tmp_path, messages) as run:
        run.end_input()
        run.wait_until(lambda: "SUMMARY" in run.log)
        assert ('"updated":4' in run.log) is is_killed
    assert sum(row.get("name") == "m" for row in box.rows("endusers")) == 4
    assert sum(call.method == "PUT" for call in box.calls) == 1
