"""A 429 holds back all threads and processes that share the quota, and no moment that cannot be true does."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from planhat_api.quota.pause import LONGEST_PAUSE, Pause
from planhat_api.quota.quota import Quota
from tests.quota_support import move_calls, rewrite

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000_000
TIMES = st.integers(10, 10**12)

WORKER = """
import json, sys, threading, time
from pathlib import Path
from planhat_api.quota.quota import Quota
quota = Quota(calls_per_minute=9000, parallel_calls=4, store=Path(sys.argv[1]))
taken, over = [], threading.Event()
def spend():
    while not over.is_set():
        with quota.turn(counted=True):
            taken.append(time.time())
        time.sleep(0.05)
for _ in range(4):
    threading.Thread(target=spend, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
over.set()
print(json.dumps({"taken": taken, "waited": quota.waits.seconds}))
"""


def quota_in(file: Path | None, *, calls_per_minute: int = 9000) -> Quota:
    return Quota(calls_per_minute=calls_per_minute, parallel_calls=8, store=file)


def seconds_for_a_turn(quota: Quota) -> float:
    began = time.monotonic()
    with quota.turn(counted=True):
        return time.monotonic() - began


def write_pause(file: Path, seconds: float) -> None:
    quota_in(file).pause(60)
    rewrite(
        file,
        lambda book, now: structs.replace(book, pause=structs.replace(book.pause, until=now + round(seconds * 1000))),
    )


def test_processes_that_wait_and_that_start_later_keep_the_pause_of_another(tmp_path: Path) -> None:
    file = tmp_path / "quota.sqlite"
    quota = quota_in(file)

    def worker() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WORKER, str(file)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_for(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    workers = [worker(), worker()]
    for process in workers:
        wait_for(process)
    time.sleep(0.5)
    began = time.time()
    quota.pause(3)
    paused = time.time()
    workers.append(worker())
    wait_for(workers[2])
    quota.pause(3)
    over = time.time() + 3
    time.sleep(5)
    said = [json.loads(process.communicate("end\n")[0]) for process in workers]
    taken = sorted(moment for each in said for moment in each["taken"])
    assert over - paused > 3
    for each in said[:2]:
        assert min(each["taken"]) < began
    # A turn that was granted before the pause may be used a moment later.
    assert not [moment for moment in taken if paused + 0.1 < moment < over - 0.05]
    for each in said:
        assert max(each["taken"]) > over
        assert each["waited"] > 2


def test_the_first_calls_after_a_pause_go_out_one_after_the_other(tmp_path: Path) -> None:
    quotas = [quota_in(tmp_path / "quota.sqlite") for _ in range(3)]
    quotas[0].pause(1)
    taken: list[float] = []

    def spend(quota: Quota) -> None:
        with quota.turn(counted=True):
            taken.append(time.monotonic())

    threads = [threading.Thread(target=spend, args=(quota,)) for quota in quotas * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken[8] - taken[0] > 0.45
    assert taken[14] - taken[8] < 0.3


def test_a_429_to_one_of_the_first_calls_holds_back_the_others(tmp_path: Path) -> None:
    first, second = (quota_in(tmp_path / "quota.sqlite") for _ in range(2))
    first.pause(0.3)
    seconds_for_a_turn(first)
    first.pause(0.5)
    assert 0.4 < seconds_for_a_turn(second) < 2


@pytest.mark.parametrize("shared", [True, False])
def test_a_shorter_pause_does_not_end_a_longer_one(tmp_path: Path, shared: bool) -> None:  # noqa: FBT001 - a case of the table
    quota = quota_in(tmp_path / "quota.sqlite" if shared else None)
    quota.pause(0.6)
    quota.pause(0.1)
    assert seconds_for_a_turn(quota) > 0.5


@pytest.mark.parametrize("seconds", [LONGEST_PAUSE / 1000 + 60, 3_600, 1e12])
def test_a_moment_too_far_away_is_not_waited_for(tmp_path: Path, seconds: float) -> None:
    write_pause(tmp_path / "quota.sqlite", seconds)
    quota = quota_in(tmp_path / "quota.sqlite")
    assert quota.spare() > 1
    assert seconds_for_a_turn(quota) < 1
    quota.pause(0.4)
    assert 0.2 < seconds_for_a_turn(quota) < 2


def test_calls_of_the_future_do_not_use_up_the_quota(tmp_path: Path) -> None:
    file = tmp_path / "quota.sqlite"
    quota = quota_in(file, calls_per_minute=3)
    for _ in range(3):
        seconds_for_a_turn(quota)
    quota.close()
    move_calls(file, 3_600)
    assert seconds_for_a_turn(quota_in(file, calls_per_minute=3)) < 1


def test_a_pause_of_long_ago_does_not_slow_down(tmp_path: Path) -> None:
    write_pause(tmp_path / "quota.sqlite", -120)
    quota = quota_in(tmp_path / "quota.sqlite")
    assert quota.spare() == 150
    assert sum(seconds_for_a_turn(quota) for _ in range(20)) < 0.5


def break_file(file: Path) -> None:
    """Make the file one that nobody can use, as if someone had written over it."""
    for each in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        each.unlink(missing_ok=True)
    file.mkdir()


def test_a_file_that_breaks_keeps_the_pause_of_this_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    quota = quota_in(tmp_path / "quota.sqlite")
    quota.pause(0.5)
    with closing(sqlite3.connect(tmp_path / "quota.sqlite")) as connection:
        connection.execute("DROP TABLE book")
    break_file(tmp_path / "quota.sqlite")
    threads = [threading.Thread(target=seconds_for_a_turn, args=(quota,)) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began > 0.4
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "counts only its own calls" in caplog.text


def test_a_file_that_lost_its_book_gets_the_calls_and_the_pause_of_this_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "quota.sqlite"
    quota, other = quota_in(file, calls_per_minute=30), quota_in(file, calls_per_minute=30)
    for _ in range(12):
        seconds_for_a_turn(quota)
    quota.pause(0.5)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE book")
    assert seconds_for_a_turn(quota) > 0.3
    for _ in range(7):
        seconds_for_a_turn(quota)
    time.sleep(0.1)
    assert other.spare() == 30 - 12 - 8
    assert not caplog.records


@pytest.mark.parametrize("action", ["pause", "spare"])
def test_a_file_that_breaks_is_no_reason_to_stop_for_anything_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, action: str
) -> None:
    quota = quota_in(tmp_path / "quota.sqlite")
    with closing(sqlite3.connect(tmp_path / "quota.sqlite")) as connection:
        connection.execute("DROP TABLE book")
    break_file(tmp_path / "quota.sqlite")
    if action == "pause":
        quota.pause(0.4)
        assert seconds_for_a_turn(quota) > 0.3
    else:
        assert quota.spare() == 150
    assert caplog.text.count("counts only its own calls") == 1


def test_a_closed_quota_has_nothing_to_spare(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    quota = quota_in(tmp_path / "quota.sqlite")
    quota.close()
    assert quota.spare() == 0
    quota.pause(1)
    assert not caplog.records


@pytest.mark.parametrize("shared", [True, False])
def test_spare_is_what_goes_out_without_a_wait(tmp_path: Path, shared: bool) -> None:  # noqa: FBT001 - a case of the table
    file = tmp_path / "quota.sqlite" if shared else None
    quota = quota_in(file, calls_per_minute=20)
    other = quota_in(file, calls_per_minute=20) if shared else quota
    assert quota.spare() == 20
    for number in range(20):
        seconds_for_a_turn(other)
        assert quota.spare() == 19 - number


@pytest.mark.parametrize("shared", [True, False])
def test_nothing_is_spare_during_a_pause(tmp_path: Path, shared: bool) -> None:  # noqa: FBT001 - a case of the table
    file = tmp_path / "quota.sqlite" if shared else None
    quota = quota_in(file)
    other = quota_in(file) if shared else quota
    other.pause(60)
    assert quota.spare() == 0


@pytest.mark.parametrize("shared", [True, False])
def test_little_is_spare_shortly_after_a_pause(tmp_path: Path, shared: bool) -> None:  # noqa: FBT001 - a case of the table
    file = tmp_path / "quota.sqlite" if shared else None
    quota = quota_in(file)
    quota.pause(0.2)
    assert quota.spare() == 0
    time.sleep(0.25)
    assert quota.spare() == 1
    for _ in range(9):
        seconds_for_a_turn(quota)
    assert quota.spare() > 100


def test_a_pause_of_another_process_is_told_once_with_its_length(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "planhat_api")
    quota_in(tmp_path / "quota.sqlite").pause(3.5)
    quota = quota_in(tmp_path / "quota.sqlite")
    threads = [threading.Thread(target=seconds_for_a_turn, args=(quota,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (told,) = caplog.messages
    assert "answered a process that shares the quota_store that it is used up (429)" in told
    assert "Calls go on in 3 s" in told or "Calls go on in 4 s" in told
    assert 3 < quota.waits.seconds < 10


@given(st.lists(st.tuples(st.integers(0, 100_000), TIMES), min_size=1, max_size=8))
def test_a_pause_never_gets_shorter_and_never_too_long(refusals: list[tuple[int, int]]) -> None:
    now, pause, longest = NOW, Pause(), 0
    for passed, length in refusals:
        now += passed
        longest = max(longest, now + min(length, LONGEST_PAUSE))
        pause = pause.extended(now, length)
        assert pause.until == longest
        assert 0 < pause.left(now) <= LONGEST_PAUSE
        assert pause.due(now, 0) == longest
        assert not pause.is_step()


@given(TIMES, st.integers(1, 5_000))
def test_after_a_pause_calls_are_slow_for_a_short_time(length: int, between: int) -> None:
    pause = Pause().extended(NOW, length)
    now = pause.until
    taken: list[int] = []
    while len(taken) < 20:
        if pause.due(now, 0) <= now:
            pause = pause.after_call(now)
            taken.append(now)
        else:
            assert pause.is_step()
            assert pause.due(now, 0) - now <= 250
        now += between
    assert not pause.is_slow(now)
    assert taken[8] - taken[0] <= 8 * (250 + between)
    assert taken[-1] - taken[9] <= 10 * between


@given(st.integers(-(2**63), 2**63), st.integers(0, 1_000), st.integers(0, 8))
def test_whatever_the_book_says_no_wait_is_longer_than_a_pause_can_be(until: int, step: int, calls: int) -> None:
    pause = Pause(until, step, calls)
    assert 0 <= pause.left(NOW) <= LONGEST_PAUSE + 1_000
    if not pause.left(NOW):
        assert pause.due(NOW, 0) == NOW
        assert pause.after_call(NOW).left(NOW) <= 1_000
