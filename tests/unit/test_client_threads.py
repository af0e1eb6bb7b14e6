"""Threads for calls ahead of their turn, and the signals that end a process."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.timing.threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Iterator


class StoppedError(Exception):
    """Raised by the handler, as a command's handler raises SystemExit."""


@pytest.fixture
def raising_handler() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise StoppedError

    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("raising_handler")
def test_a_signal_does_not_break_off_the_start_of_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    ran = threading.Event()

    def start_under_fire(thread: threading.Thread) -> None:
        # To this thread: threads that other tests left behind may take signals, too.
        signal.raise_signal(signal.SIGTERM)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_under_fire)
    with pytest.raises(StoppedError):
        DaemonThreads(1).submit(ran.set)
    assert ran.wait(10)


def test_signals_come_through_again_afterwards() -> None:
    assert DaemonThreads(1).submit(lambda: 7).result(10) == 7
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & {signal.SIGINT, signal.SIGTERM}
