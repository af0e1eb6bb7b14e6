"""When a call is repeated: a table with no gap, and retry_delays that end in time."""

from __future__ import annotations

import time
from email.utils import formatdate
from itertools import product

import pytest

from planhat_api.http.retry import _RULES, CallFault, Fault, fault_of_status, retry_after, retry_delays


def test_every_fault_has_a_rule_for_safe_and_unsafe_calls() -> None:
    assert set(_RULES) == set(product(Fault, (True, False)))


@pytest.mark.parametrize("fault", Fault)
def test_what_may_have_arrived_is_not_repeated_when_that_is_not_safe(fault: Fault) -> None:
    waiting = retry_delays(120)
    next(waiting)
    if fault.may_have_arrived or fault in {Fault.NO_HOST, Fault.REFUSED, Fault.ENDING}:
        with pytest.raises(StopIteration):
            waiting.send(CallFault(fault, "", safe=False))
    else:
        assert waiting.send(CallFault(fault, "", safe=False)) > 0


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, "REFUSED"),
        (401, "REFUSED"),
        (302, "REFUSED"),
        (429, "BUSY"),
        (500, "FAILED"),
        (501, "FAILED"),
        (503, "DOWN"),
    ],
)
def test_statuses(status: int, fault: str) -> None:
    assert fault_of_status(status) is Fault[fault]


def run_of(fault: CallFault, give_up_after: float, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    waiting = retry_delays(give_up_after)
    next(waiting)
    taken: list[float] = []
    while True:
        try:
            wait = waiting.send(fault)
        except StopIteration:
            return taken
        taken.append(wait)
        clock[0] += wait


def test_over_the_quota_the_first_wait_is_some_seconds_and_all_are_about_two_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = run_of(CallFault(Fault.BUSY, "", safe=False), 120, monkeypatch)
    assert 1.5 <= taken[0] <= 3
    assert 60 < sum(taken) <= 121
    assert taken[2] > taken[0]


def test_a_500_is_repeated_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(run_of(CallFault(Fault.FAILED, "", safe=True), 120, monkeypatch)) == 2


def test_a_wait_that_planhat_asks_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_of(CallFault(Fault.BUSY, "", safe=True, wait=50), 120, monkeypatch) == [50, 50]
    assert run_of(CallFault(Fault.BUSY, "", safe=True, wait=500), 120, monkeypatch) == []


def test_a_call_that_took_all_the_time_gets_one_more_try(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    waiting = retry_delays(120)
    next(waiting)
    clock[0] = 130
    fault = CallFault(Fault.LOST, "", safe=True)
    assert waiting.send(fault) <= 1
    with pytest.raises(StopIteration):
        waiting.send(fault)


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("", None), ("7", 7), ("1.5", 1.5), ("-3", 0), ("soon", None), ("nan", None)]
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_as_a_date() -> None:
    assert retry_after(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after(formatdate(time.time() - 30, usegmt=True)) == 0
