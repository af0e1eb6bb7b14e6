"""Nothing waits any more once patience is over: no retry, no turn in the quota, no call that hangs."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import Connection, Patience, PlanhatClient, Row, UnavailableError
from planhat_api.http.quota import NoTurnError, Quota
from planhat_api.models.registry import model
from planhat_sandbox import Sandbox
from tests.hostile_server import Told, serving

if TYPE_CHECKING:
    from collections.abc import Callable

SOON = 5.0


def seconds_of(call: Callable[[], object], patience: Patience, *, after: float = 0.3, left: float = 0.0) -> float:
    """How long a call goes on after patience has ended."""
    ended: list[float] = []

    def end() -> None:
        ended.append(time.monotonic())
        patience.end(left)

    timer = threading.Timer(after, end)
    timer.start()
    call()
    timer.join()
    return time.monotonic() - ended[0]


def client_of(url: str, patience: Patience, **settings: Any) -> PlanhatClient:
    urls = {"base_url": url, "analytics_url": url, "quota_file": ""}
    tokens = {"api_token": "some-token", "tenant_token": "5a4db0c5-0000-4000-8000-000000000001"}
    return PlanhatClient(Connection.from_settings({**urls, **tokens, **settings}), patience)


def test_a_pause_is_whole_while_patience_lasts() -> None:
    began = time.monotonic()
    assert Patience().pause(0.2)
    assert time.monotonic() - began >= 0.2


def test_every_pause_ends_with_patience() -> None:
    patience = Patience()
    waited: list[bool] = []
    threads = [threading.Thread(target=lambda: waited.append(patience.pause(60)), daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    patience.end(0)
    for thread in threads:
        thread.join(SOON)
    assert waited == [False] * 5
    assert not patience.pause(60)
    assert patience.pause(0)


def test_a_call_goes_on_for_what_is_left_and_no_longer() -> None:
    patience = Patience()
    never: Future[None] = Future()
    done: Future[None] = Future()
    done.set_result(None)
    patience.end(0.5)
    began = time.monotonic()
    assert patience.outlasts(done)
    assert not patience.outlasts(never)
    assert 0.4 < time.monotonic() - began < SOON


def test_a_later_end_does_not_make_more_of_it() -> None:
    patience = Patience()
    patience.end(0)
    patience.end(100)
    assert patience.used_up


def test_nobody_waits_for_a_turn_in_the_quota() -> None:
    patience = Patience()
    quota = Quota(calls_per_minute=1, parallel_calls=1, file=None, patience=patience)

    def spend() -> None:
        with quota.turn(counted=True):
            pass

    def wait_for_turn() -> None:
        with pytest.raises(NoTurnError):
            spend()

    spend()
    assert seconds_of(wait_for_turn, patience) < SOON


def test_nobody_waits_until_the_quota_is_renewed() -> None:
    patience = Patience()
    quota = Quota(calls_per_minute=60, parallel_calls=1, file=None, patience=patience)
    quota.pause(60)

    def wait_for_turn() -> None:
        with pytest.raises(NoTurnError), quota.turn(counted=True):
            pass

    assert seconds_of(wait_for_turn, patience) < SOON


def test_a_call_is_not_repeated_and_its_fault_is_told() -> None:
    patience = Patience()
    with Sandbox(companies=1, seed=1) as box, client_of(box.url, patience) as client:
        box.set_faults([{"kind": "status", "status": 503}])

        def call() -> None:
            with pytest.raises(UnavailableError, match=r"503") as caught:
                client.custom_fields()
            assert not caught.value.may_have_arrived

        assert seconds_of(call, patience) < SOON


@pytest.mark.parametrize("safe", [True, False])
def test_a_call_that_hangs_is_broken_off_and_may_have_arrived(*, safe: bool) -> None:
    patience = Patience()
    done = threading.Event()

    def answer(_: object) -> Told:
        done.wait(60)
        return Told(b"[]")

    with serving(answer) as (url, calls), client_of(url, patience) as client:

        def call() -> None:
            rows = [Row(b'{"email":"kim@acme.example"}', {})]
            with pytest.raises(UnavailableError, match="broken off, because the program ends") as caught:
                client.custom_fields() if safe else client.push_activities(rows).raise_for_error()
            assert caught.value.may_have_arrived is not safe

        assert seconds_of(call, patience) < SOON
        assert len(calls) == 1
        with pytest.raises(UnavailableError, match="not sent, because the program ends"):
            client.page(model("companies"))
        assert len(calls) == 1
        done.set()


def test_calls_still_go_out_in_what_is_left() -> None:
    patience = Patience()
    with Sandbox(companies=1, seed=1) as box, client_of(box.url, patience, api_token=box.api_token) as client:
        patience.end(30)
        assert len(client.page(model("companies")).records()) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a signal that comes by itself")
def test_a_handler_of_signals_may_end_the_patience_of_the_thread_it_interrupts() -> None:
    for _ in range(200):
        patience = Patience()
        before = signal.signal(signal.SIGALRM, lambda *_, patience=patience: patience.end(0))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            assert not patience.pause(60)
        finally:
            signal.signal(signal.SIGALRM, before)
