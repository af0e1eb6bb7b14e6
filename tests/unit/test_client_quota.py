"""The quota is kept by threads and by processes together."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from planhat_api.quota.quota import Quota

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """
import sys, time
from pathlib import Path
from planhat_api.quota.quota import Quota
quota = Quota(calls_per_minute=30, parallel_calls=4, store=Path(sys.argv[1]))
end = time.time() + 2
import threading
def spend():
    while time.time() < end:
        with quota.turn(counted=True):
            print(time.time(), flush=True)
for _ in range(3):
    threading.Thread(target=spend, daemon=True).start()
time.sleep(2.2)
"""


def test_processes_share_the_quota_through_a_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "quota.sqlite"
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(file)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    spent = [line for worker in workers for line in worker.communicate()[0].splitlines()]
    assert len(spent) == 30


def test_no_more_calls_go_out_in_a_minute_than_the_setting_says() -> None:
    quota = Quota(calls_per_minute=10, parallel_calls=50, store=None)
    spent: list[int] = []

    def spend(number: int) -> None:
        with quota.turn(counted=True):
            spent.append(number)

    threads = [threading.Thread(target=spend, args=(number,), daemon=True) for number in range(15)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    assert len(spent) == 10


@pytest.mark.parametrize("per_minute", [1, 150, 151, 200, 9000])
def test_every_quota_that_can_be_set_can_be_kept(per_minute: int) -> None:
    quota = Quota(calls_per_minute=per_minute, parallel_calls=1, store=None)
    with quota.turn(counted=True):
        pass


def test_no_more_than_150_a_second() -> None:
    quota = Quota(calls_per_minute=9000, parallel_calls=50, store=None)
    began = time.monotonic()
    for _ in range(160):
        with quota.turn(counted=True):
            pass
    assert time.monotonic() - began > 0.9


def test_calls_at_once_are_limited_and_the_analytics_host_is_not_counted() -> None:
    quota = Quota(calls_per_minute=1, parallel_calls=3, store=None)
    at_once: list[int] = []
    now = 0
    lock = threading.Lock()

    def call() -> None:
        nonlocal now
        with quota.turn(counted=False):
            with lock:
                now += 1
                at_once.append(now)
            time.sleep(0.02)
            with lock:
                now -= 1

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(at_once) == 3


def test_a_file_that_cannot_be_used_is_no_reason_to_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "quota.sqlite"
    file.write_bytes(b"this is no database, whatever it is called" * 100)
    quota = Quota(calls_per_minute=60, parallel_calls=1, store=file)
    with quota.turn(counted=True):
        pass
    assert "counts only its own calls" in caplog.text


def test_a_file_that_breaks_under_way_is_no_reason_to_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    quota = Quota(calls_per_minute=60, parallel_calls=1, store=tmp_path / "quota.sqlite")
    with closing(sqlite3.connect(tmp_path / "quota.sqlite")) as connection:
        connection.execute("DROP TABLE book")
        connection.execute("CREATE VIEW book AS SELECT 1")
    with quota.turn(counted=True):
        pass
    assert "counts only its own calls" in caplog.text


def test_a_pause_holds_back_every_counted_call() -> None:
    quota = Quota(calls_per_minute=60, parallel_calls=2, store=None)
    quota.pause(0.3)
    began = time.monotonic()
    with quota.turn(counted=False):
        assert time.monotonic() - began < 0.2
    with quota.turn(counted=True):
        assert time.monotonic() - began >= 0.3
