"""Processes share one quota through each kind of store, with real servers."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from msgspec.structs import replace

from planhat_api.quota import counting
from planhat_api.quota.limits import Limits
from planhat_api.quota.quota import NoTurnError, Quota
from planhat_api.quota.stores.opening import place_of
from planhat_api.quota.stores.store import StoreError
from planhat_api.quota.turns import enter
from planhat_api.timing.deadline import Deadline
from tests.servers import postgresql_server, redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from planhat_api.quota.book import Book

CALLS, WINDOW = 60, 2.2
COUNTED_IN = 1.6
"""Seconds, fewer than the window: a process that has to wait for a core notes its turn when it was some time ago."""

WORKER = """
import json, sys, threading, time
from pathlib import Path
task = json.loads(sys.argv[1])
if task["ahead"]:
    right = time.time, time.time_ns
    time.time = lambda: right[0]() + task["ahead"]
    time.time_ns = lambda: right[1]() + round(task["ahead"] * 1e9)
from planhat_api.quota.quota import Quota
store = task["store"] if "://" in task["store"] else Path(task["store"])
quota = Quota(
    calls_per_minute=task["calls"], parallel_calls=task["threads"], store=store, tenant=task["tenant"],
    backfill=task["backfill"], window=task["window"], minute=task["minute"],
)
print("ready", flush=True)
task["ends"] = float(sys.stdin.readline())
taken = []
def spend():
    while time.monotonic() < task["ends"]:
        asked = time.monotonic()
        with quota.turn(counted=True):
            taken.append([asked, time.monotonic()])
        if task["once"]:
            return
        time.sleep(task["works"])
threads = [threading.Thread(target=spend, daemon=True) for _ in range(task["threads"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(max(0.1, task["ends"] + (30 if task["once"] else 0) - time.monotonic()))
print(json.dumps({"taken": taken, "cpu": time.process_time()}), flush=True)
"""


@dataclass(frozen=True)
class Server:
    """A store that is there for all processes.

    Attributes:
        address: What ``quota_store`` says.
        kind: What it is.
    """

    address: Path | str
    kind: str


@pytest.fixture(scope="module", params=["file", "redis", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "file":
        yield Server(folder / "quota.sqlite", "file")
    elif request.param == "redis":
        with redis_server(folder) as running:
            yield Server(running.url, "redis")
    else:
        with postgresql_server() as database:
            yield Server(database.get_uri(), "postgresql")


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return name


@pytest.fixture
def store(server: Server, tmp_path: Path) -> Path | str:
    """Each test has a book of its own: a file, or the tenant on the server."""
    return tmp_path / "quota.sqlite" if server.kind == "file" else server.address


class Workers:
    """Processes that take turns until a moment."""

    def __init__(self, store: Path | str, tenant: str, tasks: list[dict[str, Any]], *, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._ends = 0.0
        usual = {
            "store": str(store),
            "tenant": tenant,
            "calls": CALLS,
            "window": WINDOW,
            "minute": 2.0,
            "threads": 2,
            "backfill": False,
            "ahead": 0,
            "once": False,
            "works": 0.005,
        }
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, json.dumps({**usual, **task})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for task in tasks
        ]
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()

    def begin(self, *numbers: int) -> Workers:
        """Let all of them begin, or some. All end at the same time, which is counted from the first beginning."""
        self._ends = self._ends or time.monotonic() + self._seconds
        for number in numbers or range(len(self.processes)):
            stdin = self.processes[number].stdin
            assert stdin is not None
            stdin.write(f"{self._ends}\n")
            stdin.flush()
        return self

    def taken(self) -> list[list[tuple[float, float]]]:
        """When each of them asked for each of its turns, and got it."""
        ended = [process.communicate(timeout=90) for process in self.processes]
        assert not [error for _, error in ended if "Traceback" in error], ended
        return [[tuple(each) for each in json.loads(said)["taken"]] if said else [] for said, _ in ended]


def most_in(seconds: float, taken: list[list[tuple[float, float]]]) -> int:
    stamps = sorted(at for each in taken for _, at in each)
    most = first = 0
    for index, stamp in enumerate(stamps):
        while stamps[first] <= stamp - seconds:
            first += 1
        most = max(most, index - first + 1)
    return most


@pytest.fixture
def open_quota() -> Iterator[Callable[..., Quota]]:
    """Opens a quota that is closed after the test."""
    with ExitStack() as stack:

        def opened(store: Path | str, tenant: str, **options: Any) -> Quota:
            usual: dict[str, Any] = {"calls_per_minute": CALLS, "parallel_calls": 4, "window": WINDOW, "minute": 2.0}
            return stack.enter_context(closing(Quota(**{**usual, "store": store, "tenant": tenant, **options})))

        yield opened


def seconds_for_a_turn(quota: Quota) -> float:
    began = time.monotonic()
    with quota.turn(counted=True):
        return time.monotonic() - began


def fill(store: Path | str, tenant: str, limits: Limits, apart: float) -> None:
    """Enter calls of the last window, evenly with some milliseconds between them."""
    ages = [round(number * apart) for number in range(1, int(limits.window / apart) + 1)]
    with closing(place_of(store, tenant).connect()) as place:
        place.transact(lambda book, now: (enter(book, now, ages, limits), None))


def test_processes_keep_the_limit_and_get_the_same(server: Server, store: Path | str, tenant: str) -> None:
    """On a server the clock of a process does not matter. All that share a file have the clock of the machine."""
    ahead = [0, 0, 0, 0] if server.kind == "file" else [1, -30, 0, 0]
    workers = Workers(store, tenant, [{"ahead": seconds} for seconds in ahead])
    # So turns become free one after the other, and there is always someone who waits.
    fill(store, tenant, Limits.of(CALLS, window=WINDOW), WINDOW * 1000 / CALLS)
    taken = workers.begin().taken()
    assert most_in(COUNTED_IN, taken) <= CALLS
    shares = [len(each) for each in taken]
    assert sum(shares) >= 1.9 * CALLS
    assert min(shares) >= 0.6 * max(shares)


def test_a_process_that_is_killed_while_it_waits_does_not_block_others(
    store: Path | str, tenant: str, open_quota: Callable[..., Quota]
) -> None:
    # Nothing is free until all of them wait.
    quota = open_quota(store, tenant, calls_per_minute=4, window=3.0)
    for _ in range(4):
        seconds_for_a_turn(quota)
    workers = Workers(store, tenant, [{"calls": 4, "window": 3.0, "threads": 4}] * 2, seconds=9).begin(0)
    time.sleep(0.5)
    workers.begin(1)
    workers.processes[0].send_signal(signal.SIGKILL)
    taken = workers.taken()
    assert not taken[0]
    # The four places of the killed one are given to others some seconds later.
    assert len(taken[1]) >= 8
    assert most_in(2.2, taken) <= 4


def test_a_pause_is_one_for_all(store: Path | str, tenant: str, open_quota: Callable[..., Quota]) -> None:
    workers = Workers(store, tenant, [{"calls": 9000}] * 2, seconds=5).begin()
    quota = open_quota(store, tenant, calls_per_minute=9000)
    time.sleep(1)
    paused = time.monotonic()
    quota.pause(2)
    over = time.monotonic() + 2
    assert quota.spare() == 0
    later = open_quota(store, tenant, calls_per_minute=9000)
    assert later.spare() == 0
    assert seconds_for_a_turn(later) > 1.5
    taken = workers.taken()
    stamps = [at for each in taken for _, at in each]
    assert min(stamps) < paused
    assert not [at for at in stamps if paused + 0.3 < at < over - 0.1]
    assert max(stamps) > over


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_normal_calls_go_before_a_backfill(store: Path | str, tenant: str) -> None:
    """As in the middle of a backfill with the real figures: its calls of the last window stand in the book."""
    limits = Limits.of(200)
    fill(store, tenant, limits, limits.pace)
    figures = {"calls": 200, "window": 61, "minute": 60, "works": 0.2}
    workers = Workers(
        store,
        tenant,
        [{**figures, "backfill": True, "threads": 4}] * 2 + [{**figures, "once": True, "threads": 30}],
        seconds=12,
    )
    workers.begin(0, 1)
    time.sleep(4)
    workers.begin(2)
    *backfill, normal = workers.taken()
    waited = [at - asked for asked, at in normal]
    assert len(waited) == 30
    assert max(waited) <= 5
    begins, ends = min(asked for asked, _ in normal), max(at for _, at in normal)
    stamps = sorted(at for each in backfill for _, at in each)
    # Nobody of the backfill goes while they wait, and it goes on afterwards.
    assert not [at for at in stamps if begins + 0.5 < at < ends - 0.1]
    assert [at for at in stamps if at > ends]
    assert 0.8 * 4 / (limits.pace / 1000) <= sum(at < begins for at in stamps) <= 1.2 * 4.5 / (limits.pace / 1000)


def test_who_stops_waiting_leaves_the_queue(store: Path | str, tenant: str, open_quota: Callable[..., Quota]) -> None:
    deadline = Deadline()
    quota = open_quota(store, tenant, calls_per_minute=1, deadline=deadline)
    other = open_quota(store, tenant, calls_per_minute=1)
    seconds_for_a_turn(quota)
    waiting = threading.Thread(target=_without_turn, args=(quota,))
    waiting.start()
    time.sleep(0.3)
    deadline.set(0)
    waiting.join()
    assert seconds_for_a_turn(other) <= WINDOW


def _without_turn(quota: Quota) -> None:
    with pytest.raises(NoTurnError):
        seconds_for_a_turn(quota)


# What happens when a server goes away


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_TRIED_AGAIN", 0.5)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("quickly")
def test_a_server_that_stops_leaves_each_process_its_share(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, open_quota: Callable[..., Quota]
) -> None:
    caplog.set_level(logging.INFO, "planhat_api")
    with redis_server(tmp_path) as server:
        quota, other = (
            open_quota(server.url, "t", workers=4, calls_per_minute=40, window=20.0, minute=20.0) for _ in range(2)
        )
        for _ in range(3):
            seconds_for_a_turn(quota)
        server.stop()
        # Its share is 10, and it made 3 calls already.
        for _ in range(7):
            assert seconds_for_a_turn(quota) < 0.5
        assert quota.spare() == 0
        assert not quota.is_shared
        (told,) = caplog.messages
        assert f"127.0.0.1:{server.port} (redis) cannot be used (ConnectionError)" in told
        assert "at most 10 in 20 s" in told
        quota.pause(0.1)
        assert len(caplog.messages) == 1
        server.start()
        # The server forgot everything. What this process knows comes back.
        until(lambda: quota.spare() > 0 and quota.is_shared)
        assert caplog.messages[1:] == [f"The quota store 127.0.0.1:{server.port} (redis) can be used again"]
        time.sleep(0.5)
        for _ in range(8):
            seconds_for_a_turn(quota)
        time.sleep(0.3)
        assert other.spare() == 40 - 18


@pytest.mark.usefixtures("quickly")
def test_calls_and_a_pause_from_meanwhile_go_into_the_book_that_was_kept(
    tmp_path: Path, open_quota: Callable[..., Quota]
) -> None:
    with redis_server(tmp_path) as server:
        quota, other = (open_quota(server.url, "t", workers=4, calls_per_minute=40, window=30.0) for _ in range(2))
        for _ in range(3):
            seconds_for_a_turn(quota)
        assert other.spare() == 37
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(counting, "_connected", _nowhere)
            quota._counting._drop()
            for _ in range(5):
                assert seconds_for_a_turn(quota) < 0.5
            quota.pause(1.5)
        assert other.spare() == 37
        until(lambda: quota.spare() == 0 and quota.is_shared)
        assert other.spare() == 0
        until(lambda: other.spare() == 1)
        for _ in range(8):
            seconds_for_a_turn(other)
        time.sleep(0.3)
        assert other.spare() == 40 - 16


def _nowhere(_place: object) -> object:
    raise StoreError


def test_a_server_that_answers_nothing_is_left_in_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, open_quota: Callable[..., Quota]
) -> None:
    with redis_server(tmp_path) as server:
        quota = open_quota(server.url, "t")
        seconds_for_a_turn(quota)
        with server.hanging():
            assert 4 < seconds_for_a_turn(quota) < 12
            assert seconds_for_a_turn(quota) < 0.1
        assert "TimeoutError" in caplog.text


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process has begun to change the file and does not go on."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_a_store_that_answers_nothing_does_not_hold_a_run_that_ends(
    tmp_path: Path, open_quota: Callable[..., Quota], kind: str
) -> None:
    deadline = Deadline()
    file = tmp_path / "quota.sqlite"
    with ExitStack() as stack:
        server = stack.enter_context(redis_server(tmp_path)) if kind == "redis" else None
        store = server.url if server else file
        hanging = server.hanging() if server else locked(file)
        quota = open_quota(store, "t", calls_per_minute=1, window=60.0, deadline=deadline)
        seconds_for_a_turn(quota)
        waiting = threading.Thread(target=_without_turn, args=(quota,))
        waiting.start()
        time.sleep(0.3)
        with hanging:
            # It has asked again, and gets no answer.
            time.sleep(1.2)
            deadline.set(0)
            waiting.join(7)
            assert not waiting.is_alive()
        waiting.join()


def test_a_signal_ends_the_wait_for_a_store_that_answers_nothing(
    tmp_path: Path, open_quota: Callable[..., Quota]
) -> None:
    came: list[float] = []

    def interrupt(_number: int, _frame: object) -> None:
        came.append(time.monotonic())
        raise KeyboardInterrupt

    with redis_server(tmp_path) as server, ExitStack() as stack:
        quota = open_quota(server.url, "t", calls_per_minute=1, window=60.0)
        seconds_for_a_turn(quota)
        stack.callback(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, interrupt))
        threading.Timer(0.3, stack.enter_context, [server.hanging()]).start()
        # After a second it asks again, and gets no answer.
        threading.Timer(1.5, signal.pthread_kill, [threading.main_thread().ident, signal.SIGUSR1]).start()
        with pytest.raises(KeyboardInterrupt):
            seconds_for_a_turn(quota)
        quota.close()
        assert time.monotonic() - came[0] < 2


def test_a_wait_that_a_signal_ended_holds_nobody_back_after_the_close(
    store: Path | str, tenant: str, open_quota: Callable[..., Quota]
) -> None:
    quota, other = (open_quota(store, tenant, calls_per_minute=1) for _ in range(2))
    seconds_for_a_turn(quota)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deadline, "wait", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            seconds_for_a_turn(quota)
    quota.close()
    assert seconds_for_a_turn(other) < WINDOW + 0.8


def _interrupted(_deadline: Deadline, _seconds: float) -> bool:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql_server() as running:
        yield running.get_uri()


def backend_of(database: str) -> int:
    """Process of the server that serves the only quota."""
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%COMMIT' AND pid <> pg_backend_pid()"
        ).fetchall()
    ((pid,),) = found
    return int(pid)


def test_a_connection_that_was_lost_is_made_again(
    database: str, caplog: pytest.LogCaptureFixture, open_quota: Callable[..., Quota]
) -> None:
    quota = open_quota(database, "lost")
    seconds_for_a_turn(quota)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (backend_of(database),))
    assert seconds_for_a_turn(quota) < 1
    assert quota.spare() == CALLS - 2
    assert quota.is_shared
    assert not caplog.records


def test_a_database_that_answers_nothing_is_left_in_time(
    database: str, caplog: pytest.LogCaptureFixture, open_quota: Callable[..., Quota]
) -> None:
    quota = open_quota(database, "hangs")
    seconds_for_a_turn(quota)
    hanging = backend_of(database)
    os.kill(hanging, signal.SIGSTOP)
    try:
        # The second attempt is another process of the server.
        assert 4 < seconds_for_a_turn(quota) < 7
    finally:
        os.kill(hanging, signal.SIGCONT)
    assert quota.is_shared
    assert not caplog.records


def test_a_process_that_hangs_with_the_book_does_not_hold_it_for_long(
    database: str, open_quota: Callable[..., Quota]
) -> None:
    quota = open_quota(database, "held")
    seconds_for_a_turn(quota)
    holder = place_of(database, "held").connect()
    began = threading.Event()

    def hold() -> None:
        def slow(book: Book, _now: int) -> tuple[Book, None]:
            began.set()
            time.sleep(8)
            return replace(book, next_number=7), None

        with pytest.raises(StoreError):
            holder.transact(slow)

    holding = threading.Thread(target=hold)
    holding.start()
    began.wait()
    assert seconds_for_a_turn(quota) < 7
    holding.join()
    holder.close()
