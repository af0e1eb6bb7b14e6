"""The demo, run as `make demo` runs it, in a copy of the project."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.meltano_project import MELTANO, MeltanoProject

# Meltano installs each plugin first, on whatever machine this is.
pytestmark = pytest.mark.timeout(900)

COMMAND = [str(MELTANO.with_name("python")), "-m", "demo"]
SMALL = ["--companies", "40", "--endusers", "200", "--days", "20"]
SECONDS_TO_START = 300
PROCESSES = Path("/proc")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    """One copy for all: the first test that runs installs the plugins, and the others find them there."""
    return MeltanoProject.copied_to(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def project(installed: MeltanoProject) -> MeltanoProject:
    shutil.rmtree(installed.folder / "output" / "demo", ignore_errors=True)
    return installed


def processes_in(folder: Path) -> list[Path]:
    """Processes whose working directory is a folder or lies in it."""
    found = []
    for process in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process)
    return found


def figures(output: str, stream: str) -> list[list[int]]:
    """The numbers behind a stream, table by table."""
    lines = re.findall(rf"^  (?:{stream}) +([\d, ]+)$", output, re.MULTILINE)
    return [[int(number.replace(",", "")) for number in line.split()] for line in lines]


def test_the_demo_reads_sends_and_reads_back(project: MeltanoProject) -> None:
    told = subprocess.run(
        [*COMMAND, *SMALL], cwd=project.folder, env=project.environment(), check=False, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "40 companies, 200 endusers, 20 days" in told.stdout
    first_read, first_sent, second_read, second_sent = figures(told.stdout, "companies")
    sent = first_sent[0]
    assert first_read == [40, 40, 40, 0, 0, 0]
    assert second_read == [40, 40, sent, 0, 0, 0]
    # Columns: sent, created, updated, unchanged, accepted, rejected, found in Planhat.
    assert first_sent == [sent, 0, sent, 0, 0, 0, sent]
    assert second_sent == [sent, 0, 0, sent, 0, 0, sent]
    people = figures(told.stdout, "endusers")
    assert people[1] == [25, 24, 0, 0, 0, 1, 24]
    assert people[3] == [25, 0, 0, 24, 0, 1, 24]
    _, first_metrics, _, second_metrics = figures(told.stdout, "dimension_data|metrics")
    assert first_metrics[0] == first_metrics[4] > 0
    assert second_metrics[0] == 0
    _, second_points = figures(told.stdout, "dimension_data")
    assert second_points[2] < second_points[1]


@pytest.mark.skipif(not PROCESSES.exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_leaves_no_process_behind(project: MeltanoProject, signal_number: int) -> None:
    log = project.folder / "output" / "demo" / "logs" / "2-meltano-run.log"
    with subprocess.Popen(
        [*COMMAND, *SMALL],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        deadline = time.monotonic() + SECONDS_TO_START
        while not (log.exists() and "tap-planhat" in log.read_text("utf-8")):
            assert demo.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert len(processes_in(project.folder)) > 1
        demo.send_signal(signal_number)
        assert demo.wait(60) == 128 + signal_number
    assert not processes_in(project.folder)
