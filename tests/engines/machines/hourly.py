"""An hourly job: some calls at once, with the priority of a normal run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["hourly_wait"]

_PYTHON = Path(__file__).parents[3] / ".venv" / "bin" / "python"
_JOB = """
import json, sys, threading, time
from planhat_api import Connection, PlanhatClient
from planhat_api.models.registry import model
settings, calls = json.loads(sys.stdin.read())
with PlanhatClient(Connection.from_settings({**settings, "parallel_calls": 4})) as planhat:
    # The connection to the store is open before the time is taken.
    planhat.spare_calls()
    began = time.monotonic()
    left = iter(range(calls))
    def call():
        for _ in left:
            planhat.page(model("companies"), limit=1)
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(time.monotonic() - began)
"""


def hourly_wait(settings: Mapping[str, Any], calls: int) -> float:
    """Seconds that a job needs for a number of calls of which it makes four at once."""
    done = subprocess.run(
        [str(_PYTHON), "-c", _JOB], input=json.dumps([settings, calls]), capture_output=True, text=True, check=True
    )
    return float(done.stdout)
