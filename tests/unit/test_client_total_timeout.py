"""What takes too long is broken off, and threads are kept from call to call."""

from __future__ import annotations

import threading
import time

import pytest

from planhat_api.timing.threads import DaemonThreads
from planhat_api.timing.total_timeout import TotalTimeout, TotalTimeoutError


def _wait(for_what: threading.Event, *, fails: bool) -> None:
    assert for_what.wait(5)
    if fails:
        raise OSError


def test_what_takes_too_long_is_broken_off_whether_or_not_it_fails_by_that() -> None:
    watchdog = TotalTimeout(0.1)
    for fails in (True, False):
        broken_off = threading.Event()
        with pytest.raises(TotalTimeoutError), watchdog.limit(broken_off.set):
            _wait(broken_off, fails=fails)
    watchdog.close()


def test_what_ends_in_time_is_left_alone() -> None:
    watchdog = TotalTimeout(0.1)
    broken_off = threading.Event()
    for _ in range(3):
        with watchdog.limit(broken_off.set):
            pass
    with pytest.raises(ValueError, match="its own"), watchdog.limit(broken_off.set):
        int("its own")
    time.sleep(0.3)
    assert not broken_off.is_set()
    watchdog.close()


def test_calls_share_a_few_threads() -> None:
    pool = DaemonThreads(2)
    names = {pool.submit(lambda: threading.current_thread().name).result(5) for _ in range(20)}
    assert len(names) <= 2
    gate = threading.Event()
    waiting = [pool.submit(gate.wait, 5) for _ in range(4)]
    pool.shutdown()
    gate.set()
    assert [future.cancelled() for future in waiting][2:] == [True, True]
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(gate.wait)


def test_its_thread_ends_when_there_is_nothing_to_watch_and_comes_back() -> None:
    watchdog = TotalTimeout(0.05)
    others = {*threading.enumerate()}
    for _ in range(2):
        with watchdog.limit(lambda: None):
            (thread,) = {*threading.enumerate()} - others
        thread.join(5)
        assert not thread.is_alive()
    watchdog.close()
