"""A signal at any moment of the start ends tap and target without a trace."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from planhat_sandbox import Sandbox
from tests.tap_support import COMMAND as TAP
from tests.tap_support import catalog_for, config_for, write_files
from tests.target_support import connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at which signals a process handles")

TARGET = str(Path(TAP).with_name("target-planhat"))


@pytest.fixture(autouse=True)
def _no_word_on_python_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK warns of the oldest Python that it supports."""
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1, days=3) as sandbox:
        sandbox.set_faults([{"kind": "latency", "seconds": 0.2}])
        yield sandbox


def _handles(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether the process has come to the project's own code: Python itself takes some moments to start."""
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next((int(line.split()[1], 16) for line in status if line.startswith("SigCgt")), 0)
    return bool(caught >> (number - 1) & 1)


def _stopped(command: Sequence[str], seconds: float, signals: Sequence[signal.Signals]) -> tuple[int, str]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not _handles(process, signal.SIGTERM):
            time.sleep(0.001)
        time.sleep(seconds)
        for number in signals:
            process.send_signal(number)
        assert process.stderr
        # The standard input stays open: a target that waits for it must end all the same.
        log = process.stderr.read()
    return process.returncode, log


def _check(command: Sequence[str], dice: random.Random, longest: float) -> None:
    stop = dice.choice([signal.SIGINT, signal.SIGTERM])
    code, log = _stopped(command, dice.uniform(0, longest), [stop])
    lines = [line for line in log.splitlines() if " INFO " not in line]
    # Once Python has let go of its handlers the signal itself ends the process: to a shell that is the same code.
    assert code in {128 + stop, -stop, 0}, log
    assert len(lines) <= 1, log
    assert "Traceback" not in log


@pytest.mark.parametrize("option", [[], ["--discover"]], ids=["sync", "discover"])
def test_the_tap_ends_in_one_line_or_none(box: Sandbox, tmp_path: Path, option: list[str]) -> None:
    dice = random.Random(len(option))
    config = config_for(box)
    files = write_files(tmp_path, config=config, catalog=catalog_for(config, "companies"))
    for _ in range(12):
        _check([TAP, *files, *option], dice, 1.5)


def test_the_target_ends_in_one_line_or_none(box: Sandbox, tmp_path: Path) -> None:
    dice = random.Random(2)
    (tmp_path / "config.json").write_text(json.dumps(connection(box, rejects_dir=str(tmp_path))))
    for _ in range(12):
        _check([TARGET, "--config", str(tmp_path / "config.json")], dice, 1.5)


def test_signals_one_after_the_other_end_in_one_line_or_none(box: Sandbox, tmp_path: Path) -> None:
    dice = random.Random(3)
    config = config_for(box)
    files = write_files(tmp_path, config=config, catalog=catalog_for(config, "companies"))
    for _ in range(6):
        code, log = _stopped([TAP, *files], dice.uniform(0, 1.5), [signal.SIGINT, signal.SIGTERM, signal.SIGINT])
        assert code in {130, 143, -signal.SIGINT, -signal.SIGTERM, 0}, log
        assert len([line for line in log.splitlines() if " INFO " not in line]) <= 1, log
