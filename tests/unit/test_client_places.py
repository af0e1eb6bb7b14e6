"""Calls that are needed now get a place before calls that are made in advance."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from planhat_api.quota.places import Places, in_advance

if TYPE_CHECKING:
    from collections.abc import Callable


def _started(run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    # Until it waits.
    time.sleep(0.02)
    return thread


def test_what_is_needed_now_goes_first_and_otherwise_who_waits_longest() -> None:
    places, order = Places(1), []

    def call(name: str, *, needed: bool) -> Callable[[], None]:
        def run() -> None:
            if needed:
                with places.one():
                    order.append(name)
            else:
                with in_advance(), places.one():
                    order.append(name)

        return run

    with places.one():
        waiting = [
            _started(call(name, needed=name.startswith("now"))) for name in ("early 1", "early 2", "now 1", "now 2")
        ]
        assert not order
    for thread in waiting:
        thread.join(10)
    assert order == ["now 1", "now 2", "early 1", "early 2"]


def test_no_more_calls_than_places_are_under_way() -> None:
    places, lock, counts = Places(3), threading.Lock(), [0, 0]

    def run() -> None:
        for _ in range(50):
            with places.one():
                with lock:
                    counts[0] += 1
                    counts[1] = max(counts)
                with lock:
                    counts[0] -= 1

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert counts[0] == 0
    assert 1 <= counts[1] <= 3


def test_a_call_that_fails_leaves_its_place() -> None:
    places = Places(1)
    for _ in range(3):
        with suppress(ZeroDivisionError), places.one():
            _ = 1 / 0
    with places.one():
        pass


def test_a_thread_that_worked_in_advance_is_needed_again_afterwards() -> None:
    places, order = Places(1), []

    def first() -> None:
        with in_advance():
            pass
        with places.one():
            order.append("now")

    def second() -> None:
        with in_advance(), places.one():
            order.append("early")

    with places.one():
        threads = [_started(second), _started(first)]
    for thread in threads:
        thread.join(10)
    assert order == ["now", "early"]
