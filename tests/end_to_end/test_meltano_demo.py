"""The demo, run as `make demo` runs it, in a copy of the project."""

from __future__ import annotations

import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from meltano_project import MELTANO, MeltanoProject

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [str(MELTANO.with_name("python")), "-m", "demo"]
SMALL = ["--companies", "40", "--endusers", "200", "--days", "20"]
SECONDS_TO_START = 60


@pytest.fixture
def project(tmp_path: Path) -> MeltanoProject:
    return MeltanoProject.copied_to(tmp_path)


def figures(output: str, stream: str) -> list[list[int]]:
    """The numbers behind a stream, table by table."""
    lines = re.findall(rf"^  {stream} +([\d, ]+)$", output, re.MULTILINE)
    return [[int(number.replace(",", "")) for number in line.split()] for line in lines]


def test_the_demo_reads_sends_and_reads_back(project: MeltanoProject) -> None:
    told = subprocess.run(
        [*COMMAND, *SMALL], cwd=project.folder, env=project.environment(), check=False, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr
    first_read, first_sent, second_read, second_sent = figures(told.stdout, "companies")
    sent, created, updated, unchanged = first_sent[:4]
    assert first_read[0] >= 40
    assert (created, updated, unchanged) == (0, sent, 0)
    assert second_sent[:4] == [sent, 0, 0, sent]
    metrics = figures(told.stdout, "metrics")
    assert metrics[0][0] > 0
    assert metrics[1][0] == 0
    points = figures(told.stdout, "dimension_data")
    assert points[1][0] < points[0][0]
    assert second_read[2] == first_read[2]


def test_an_interrupted_demo_leaves_no_process_behind(project: MeltanoProject) -> None:
    log = project.folder / "output" / "demo" / "sandbox.log"
    with subprocess.Popen(
        [*COMMAND, *SMALL],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        deadline = time.monotonic() + SECONDS_TO_START
        while not (log.exists() and (ready := re.search(r"ready: (\S+)", log.read_text("utf-8")))):
            assert demo.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 130
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{ready[1]}/_sandbox/counts", timeout=5)
