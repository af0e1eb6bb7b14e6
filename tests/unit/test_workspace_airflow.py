"""The pipe of the example for Airflow, without Airflow."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "examples" / "airflow" / "dags" / "planhat_pipe.py"
TAP = """
import sys
for number in range(5):
    print(number)
print('any time | INFO | SUMMARY {"total": {"records": 5}, "complete": true}', file=sys.stderr)
print('a loader | SUMMARY of this run, | SUMMARY {"other": 1}, | SUMMARY {', file=sys.stderr)
print('| SUMMARY {"other": 1}', file=sys.stderr)
"""
ENDLESS = "while True: print('x' * 1000, flush=True)"
# One call writes the whole line, so that lines of two processes do not mix.
SLEEPS = "import os, time; os.write(2, b'%d\\n' % os.getpid()); time.sleep(60)"


@pytest.fixture(scope="module")
def pipe() -> Any:
    spec = importlib.util.spec_from_file_location("planhat_pipe", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_the_loader_gets_what_the_tap_writes_and_its_summary_comes_back(pipe: Any, tmp_path: Path) -> None:
    loader = python(f"import sys; open({str(tmp_path / 'loaded')!r}, 'w').write(sys.stdin.read())")
    ended = pipe.run_pipe(python(TAP), loader, os.environ)
    assert (ended.tap, ended.loader) == (0, 0)
    assert ended.summary == {"total": {"records": 5}, "complete": True}
    assert (tmp_path / "loaded").read_text().split() == ["0", "1", "2", "3", "4"]


def test_a_tap_whose_loader_has_ended_ends_too(pipe: Any) -> None:
    ended = pipe.run_pipe(python(ENDLESS), python("raise SystemExit(3)"), os.environ)
    assert ended.tap != 0
    assert ended.loader == 3


def test_a_loader_that_cannot_be_started_leaves_no_tap_behind(pipe: Any) -> None:
    with pytest.raises(FileNotFoundError):
        pipe.run_pipe(python(ENDLESS), ["/no/such/loader"], os.environ)


def test_both_are_ended_where_the_task_is_interrupted(pipe: Any) -> None:
    told: list[int] = []

    class Interrupts(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(int(record.getMessage()))
            if len(told) == 2:
                raise KeyboardInterrupt

    handler, level = Interrupts(), pipe.LOGGER.level
    pipe.LOGGER.addHandler(handler)
    pipe.LOGGER.setLevel(logging.INFO)
    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            pipe.run_pipe(python(SLEEPS), python(SLEEPS), os.environ)
    finally:
        pipe.LOGGER.removeHandler(handler)
        pipe.LOGGER.setLevel(level)
    assert time.monotonic() - begun < 30
    for pid in told:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
