"""Waits for the quota are told once, not once a call."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import pytest

from planhat_api.quota.waits import QuotaWaits


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def waits(clock: _Clock, caplog: pytest.LogCaptureFixture) -> QuotaWaits:
    caplog.set_level(logging.INFO, "planhat_api")
    return QuotaWaits(200, clock)


def test_a_short_wait_is_not_told(waits: QuotaWaits, clock: _Clock, caplog: pytest.LogCaptureFixture) -> None:
    with waits.waiting() as wait:
        wait.report_turn(2.9)
        wait.report_pause(2.9, is_shared=True)
        clock.now += 2.9
        wait.report_turn(0)
        wait.report_pause(0, is_shared=True)
    assert not caplog.records
    assert waits.seconds == pytest.approx(2.9)


def test_many_calls_that_wait_are_one_line_a_minute(
    waits: QuotaWaits, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(25):
        with ExitStack() as stack:
            began = [stack.enter_context(waits.waiting()) for _ in range(4)]
            for _ in range(5):
                clock.now += 1
                for wait in began:
                    wait.report_turn(0)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert told[0].startswith("Waiting for the quota: 200 calls a minute are allowed")


def test_a_long_wait_for_a_turn_is_told_when_it_begins(
    waits: QuotaWaits, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with waits.waiting() as wait:
        clock.now += 0.5
        wait.report_turn(43.6)
    (told,) = caplog.messages
    assert told.endswith("that share the quota_store. The next call can go out in 44 s")


def test_a_wait_says_why_it_is_long(clock: _Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "planhat_api")
    with QuotaWaits(200, clock).waiting() as wait:
        wait.report_turn(20, "at most 25 in 61 s")
    with QuotaWaits(200, clock, yields=True).waiting() as wait:
        wait.report_turn(20)
    alone, backfill = caplog.messages
    assert "this process makes at most 25 in 61 s, because the quota_store cannot be used. The next" in alone
    assert "this backfill lets the calls of other processes go first (quota_priority). The next" in backfill


@pytest.mark.parametrize(
    ("is_shared", "who"), [(True, "a process that shares the quota_store"), (False, "this process")]
)
def test_a_long_pause_is_told_when_it_begins_and_once_a_minute(
    waits: QuotaWaits,
    clock: _Clock,
    caplog: pytest.LogCaptureFixture,
    is_shared: bool,  # noqa: FBT001 - a case of the table
    who: str,
) -> None:
    with ExitStack() as stack:
        began = [stack.enter_context(waits.waiting()) for _ in range(4)]
        for left in range(200, 0, -30):
            for wait in began:
                wait.report_pause(left, is_shared=is_shared)
            clock.now += 30
    assert [told.partition("Calls go on in ")[2].partition(" s")[0] for told in caplog.messages] == [
        "200",
        "140",
        "80",
        "20",
    ]
    assert f"Planhat answered {who} that it is used up (429)" in caplog.messages[0]


def test_a_429_is_one_warning_a_minute_and_its_pause_is_not_told_again(
    waits: QuotaWaits, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "planhat_api")
    for number in range(8):
        waits.report_refusal(f"GET companies {number}", "all calls")
        with waits.waiting() as wait:
            wait.report_pause(12, is_shared=True)
        clock.now += 10
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [text for level, text in told if level == "WARNING"] == [
        "GET companies 0; all calls wait as long",
        "GET companies 6; all calls wait as long",
    ]
    assert [level for level, _ in told].count("DEBUG") == 6
    assert len(told) == 8


def test_a_429_that_holds_back_nobody_else_says_nothing_of_others(
    waits: QuotaWaits, caplog: pytest.LogCaptureFixture
) -> None:
    waits.report_refusal("POST dimensiondata", "")
    assert caplog.messages == ["POST dimensiondata"]


def test_waits_side_by_side_count_once(waits: QuotaWaits, clock: _Clock) -> None:
    with ExitStack() as outer:
        outer.enter_context(waits.waiting())
        clock.now += 10
        with waits.waiting():
            clock.now += 5
            assert waits.seconds == 15
        clock.now += 1
    clock.now += 100
    assert waits.seconds == 16
