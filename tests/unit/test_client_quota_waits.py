"""QuotaWaits for the quota are told once, not once a call."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import pytest

from planhat_api.http.quota_waits import QuotaWaits


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
    with waits.waiting() as look:
        clock.now += 2.9
        look()
    assert not caplog.records
    assert waits.seconds == pytest.approx(2.9)


def test_many_calls_that_wait_are_one_line_a_minute(
    waits: QuotaWaits, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(25):
        with ExitStack() as stack:
            looks = [stack.enter_context(waits.waiting()) for _ in range(4)]
            for _ in range(5):
                clock.now += 1
                for look in looks:
                    look()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert told[0].startswith("Waiting for the quota: 200 calls a minute are allowed")


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
