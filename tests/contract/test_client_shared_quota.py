"""Processes that share a quota file wait together after a 429, as the log of the sandbox shows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from planhat_api import Row
from planhat_api.models.registry import model
from tests.client_support import client_on, sandbox, settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from planhat_sandbox import Sandbox

WINDOW, ALLOWED = 4, 60
ON_THE_WAY = 0.3  # seconds in which calls that were already sent, and the 429 itself, are on their way

WORKER = """
import json, logging, sys, threading, time
from planhat_api import Connection, PlanhatClient
from planhat_api.models.registry import model
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
settings, begins, ends = json.loads(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
with PlanhatClient(Connection.from_settings(settings)) as planhat:
    def call():
        while time.time() < ends:
            planhat.page(model("companies"), limit=1)
            time.sleep(0.02)
    time.sleep(max(0, begins - time.time()))
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps([planhat.calls, planhat.calls_retried, planhat.seconds_waited]))
"""


def run_together(box: Sandbox, folder: Path, begins: list[float], ends: float) -> list[tuple[list[Any], str]]:
    """Run one process for each moment at which one begins to call: its figures and its log."""
    now = time.time()
    settings = settings_for(box, quota_store=str(folder / "quota.sqlite"), timeout_seconds=30)
    del settings["give_up_after_seconds"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, json.dumps(settings), str(now + start), str(now + ends)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for start in begins
    ]
    ended = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(begins), ended
    return [(json.loads(output), log) for output, log in ended]


def test_no_process_calls_before_the_pause_of_another_is_over(tmp_path: Path) -> None:
    switches = {"calls_per_minute": ALLOWED, "quota_window_seconds": WINDOW, "retry_after": "seconds"}
    with sandbox(switches=switches) as box:
        # The third process begins while the others wait.
        ended = run_together(box, tmp_path, [2, 2, 4], 12)
        calls = sorted(box.calls, key=lambda call: call.at)
    refused = [call for call in calls if call.status == 429]
    assert refused
    for call in refused:
        accepted = [other.at for other in calls if other.status == 200 and other.at < call.at]
        renewed = accepted[-ALLOWED] + WINDOW
        assert not [other for other in calls if call.at + ON_THE_WAY < other.at < renewed - 0.1]
    # The calls of 12 threads are not answered 429 once for each of them.
    pauses = 1 + sum(later.at - earlier.at > ON_THE_WAY for earlier, later in pairwise(refused))
    assert len(refused) <= 8 + 2 * pauses
    figures = [figures for figures, _ in ended]
    assert sum(made for made, _, _ in figures) == len(calls)
    assert sum(retried for _, retried, _ in figures) == len(refused)
    assert all(waited > 1 for _, _, waited in figures)
    for _, log in ended:
        lines = log.splitlines()
        assert 1 <= len(lines) <= 3, log
        assert all("429" in line or "Waiting for the quota" in line for line in lines)
    assert "all processes that share the quota_store wait as long" in "".join(log for _, log in ended)


def test_a_429_of_the_analytics_host_holds_back_no_other_call() -> None:
    with sandbox() as box, client_on(box, give_up_after_seconds=30) as client:
        box.set_faults([{"kind": "status", "status": 429, "method": "POST", "times": 1, "retry_after": "2"}])
        client.push_activity(Row(b'{"email":"kim@acme.example"}', {}))
        assert client.calls_retried == 1
        assert client.seconds_waited >= 2
        client.page(model("companies"), limit=1)
        assert client.seconds_waited < 3


def test_a_wait_for_a_lost_connection_is_none_for_the_quota() -> None:
    with sandbox() as box, client_on(box, give_up_after_seconds=60) as client:
        box.set_faults([{"kind": "status", "status": 503, "times": 2}])
        began = time.monotonic()
        client.page(model("companies"), limit=1)
        assert time.monotonic() - began > 0.5
        assert client.seconds_waited < 0.3
        assert client.calls_retried == 2


def test_what_is_spare_is_said_by_the_client(tmp_path: Path) -> None:
    file = str(tmp_path / "quota.sqlite")
    with (
        sandbox() as box,
        client_on(box, quota_store=file, calls_per_minute=20) as client,
        client_on(box, quota_store=file, calls_per_minute=20) as other,
    ):
        assert client.spare_calls() == 20
        other.page(model("companies"), limit=1)
        assert client.spare_calls() == 19


def test_a_call_that_waited_long_for_its_turn_is_still_repeated(tmp_path: Path) -> None:
    file = str(tmp_path / "quota.sqlite")
    with (
        sandbox() as box,
        client_on(box, quota_store=file, give_up_after_seconds=4) as client,
        client_on(box, quota_store=file, give_up_after_seconds=4) as other,
    ):
        client._transport._quota.pause(3)
        box.set_faults([{"kind": "status", "status": 429, "times": 1, "retry_after": "2"}])
        other.page(model("companies"), limit=1)
        assert other.seconds_waited > 4.5
