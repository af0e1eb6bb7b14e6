"""A run in Dagster that is cancelled, or whose worker is killed, leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.engines.processes import ROOT, commands_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engines.tenant import Acme

# One run of the models of a tenant, whose tap waits for an answer and whose loader waits for the tap.
WORKER = """
import sys
import dagster as dg
from dagster_planhat import Connector, Tenant, planhat_definitions
url, tap, loader = sys.argv[1:]
definitions = planhat_definitions(
    [Tenant("acme", settings={"base_url": url})],
    loader=Connector([sys.executable, "-c", "import sys; sys.stdin.read()", loader]),
    streams=["companies"],
    tap=Connector([tap], {"calls_per_minute": 9000}),
)
job = definitions.get_job_def("planhat_acme")
result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
"""


def wait_for(condition: object, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.05)
    return bool(found)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_stays(acme: Acme, tmp_path: Path, number: signal.Signals) -> None:
    acme.box.ask("faults", [{"kind": "latency", "seconds": 30, "path": "companies"}])
    # The settings of the tap lie in a folder of this test, so its command line names that.
    mark = f"loader-of-{tmp_path.name}-{number}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "dagster-planhat"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", WORKER, acme.box.url, str(acme.tap.command[0]), mark]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as worker:
        try:
            # One of the two commands with the mark is the worker itself.
            assert wait_for(lambda: commands_of("tap-planhat --config " + str(tmp_path)) and len(commands_of(mark)) > 1)
            worker.send_signal(number)
            worker.wait(20)
        finally:
            worker.kill()
    assert wait_for(lambda: not [*commands_of(mark), *commands_of(str(tmp_path))], 5)
    if number != signal.SIGKILL:
        assert not list(tmp_path.glob("planhat-run-*"))


def test_a_worker_that_lost_its_parent_does_not_try_again(acme: Acme, tmp_path: Path) -> None:
    acme.box.ask("faults", [{"kind": "latency", "seconds": 60, "path": "companies"}])
    mark = f"loader-of-{tmp_path.name}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "dagster-planhat"), "TMPDIR": str(tmp_path)}
    worker = [sys.executable, "-c", WORKER, acme.box.url, str(acme.tap.command[0]), mark]
    parent = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *worker]
    with subprocess.Popen(parent, env=environment, stderr=subprocess.DEVNULL) as process:
        # The parent, the worker and the loader have the mark.
        assert wait_for(lambda: commands_of("tap-planhat --config " + str(tmp_path)) and len(commands_of(mark)) > 2)
        process.kill()
    # The next try would begin after some 10 seconds.
    assert wait_for(lambda: not [*commands_of(mark), *commands_of("tap-planhat --config " + str(tmp_path))], 25)
