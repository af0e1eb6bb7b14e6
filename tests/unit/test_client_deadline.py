"""Nothing waits any more once the deadline is set: no retry, no wait for the quota, no call that hangs."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import Connection, Deadline, PlanhatClient, Row, UnavailableError
from planhat_api.models.registry import model
from planhat_api.quota.quota import NoTurnError, Quota
from planhat_sandbox import Sandbox
from tests.hostile_server import Told, serving

if TYPE_CHECKING:
    from collections.abc import Callable

SOON = 5.0


def seconds_of(call: Callable[[], object], deadline: Deadline, *, after: float = 0.3, left: float = 0.0) -> float:
    """How long a call goes on after the deadline is set."""
    ended: list[float] = []

    def end() -> None:
        ended.append(time.monotonic())
        deadline.set(left)

    timer = threading.Timer(after, end)
    timer.start()
    call()
    timer.join()
    return time.monotonic() - ended[0]


def client_of(url: str, deadline: Deadline, **settings: Any) -> PlanhatClient:
    urls = {"base_url": url, "analytics_url": url, "quota_store": ""}
    tokens = {"api_token": "some-token", "tenant_token": "5a4db0c5-0000-4000-8000-000000000001"}
    return PlanhatClient(Connection.from_settings({**urls, **tokens, **settings}), deadline)


def test_a_pause_is_whole_without_a_deadline() -> None:
    began = time.monotonic()
    assert Deadline().wait(0.2)
    assert time.monotonic() - began >= 0.2


def test_every_pause_ends_at_the_deadline() -> None:
    deadline = Deadline()
    waited: list[bool] = []
    threads = [threading.Thread(target=lambda: waited.append(deadline.wait(60)), daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    deadline.set(0)
    for thread in threads:
        thread.join(SOON)
    assert waited == [False] * 5
    assert not deadline.wait(60)
    assert deadline.wait(0)


def test_a_call_goes_on_for_what_is_left_and_no_longer() -> None:
    deadline = Deadline()
    never: Future[None] = Future()
    done: Future[None] = Future()
    done.set_result(None)
    deadline.set(0.5)
    began = time.monotonic()
    assert deadline.wait_for(done)
    assert not deadline.wait_for(never)
    assert 0.4 < time.monotonic() - began < SOON


def test_a_later_end_does_not_make_more_of_it() -> None:
    deadline = Deadline()
    deadline.set(0)
    deadline.set(100)
    assert deadline.has_passed


def test_nobody_waits_for_a_turn_in_the_quota() -> None:
    deadline = Deadline()
    quota = Quota(calls_per_minute=1, parallel_calls=1, store=None, deadline=deadline)

    def spend() -> None:
        with quota.turn(counted=True):
            pass

    def wait_for_turn() -> None:
        with pytest.raises(NoTurnError):
            spend()

    spend()
    assert seconds_of(wait_for_turn, deadline) < SOON


def test_nobody_waits_until_the_quota_is_renewed() -> None:
    deadline = Deadline()
    quota = Quota(calls_per_minute=60, parallel_calls=1, store=None, deadline=deadline)
    quota.pause(60)

    def wait_for_turn() -> None:
        with pytest.raises(NoTurnError), quota.turn(counted=True):
            pass

    assert seconds_of(wait_for_turn, deadline) < SOON


def test_a_call_is_not_repeated_and_its_fault_is_told() -> None:
    deadline = Deadline()
    with Sandbox(companies=1, seed=1) as box, client_of(box.url, deadline) as client:
        box.set_faults([{"kind": "status", "status": 503}])

        def call() -> None:
            with pytest.raises(UnavailableError, match=r"503") as caught:
                client.custom_fields()
            assert not caught.value.may_have_arrived

        assert seconds_of(call, deadline) < SOON


@pytest.mark.parametrize("safe", [True, False])
def test_a_call_that_hangs_is_broken_off_and_may_have_arrived(*, safe: bool) -> None:
    deadline = Deadline()
    done = threading.Event()

    def answer(_: object) -> Told:
        done.wait(60)
        return Told(b"[]")

    with serving(answer) as (url, calls), client_of(url, deadline) as client:

        def call() -> None:
            rows = [Row(b'{"email":"kim@acme.example"}', {})]
            with pytest.raises(UnavailableError, match="aborted, because the program ends") as caught:
                client.custom_fields() if safe else client.push_activities(rows).raise_for_error()
            assert caught.value.may_have_arrived is not safe

        assert seconds_of(call, deadline) < SOON
        assert len(calls) == 1
        with pytest.raises(UnavailableError, match="not sent, because the program ends"):
            client.page(model("companies"))
        assert len(calls) == 1
        done.set()


def test_calls_still_go_out_in_what_is_left() -> None:
    deadline = Deadline()
    with Sandbox(companies=1, seed=1) as box, client_of(box.url, deadline, api_token=box.api_token) as client:
        deadline.set(30)
        assert len(client.page(model("companies")).records()) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a signal that comes by itself")
def test_a_handler_of_signals_may_set_the_deadline_of_the_thread_it_interrupts() -> None:
    for _ in range(200):
        deadline = Deadline()
        before = signal.signal(signal.SIGALRM, lambda *_, deadline=deadline: deadline.set(0))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            assert not deadline.wait(60)
        finally:
            signal.signal(signal.SIGALRM, before)
