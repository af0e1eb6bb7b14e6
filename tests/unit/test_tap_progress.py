"""The lines that tell how far a stream is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_planhat.streams.progress import Progress

if TYPE_CHECKING:
    import pytest


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _progress(caplog: pytest.LogCaptureFixture, *, remaining: float | None = None) -> tuple[Progress, _Clock]:
    caplog.set_level(logging.INFO)
    clock = _Clock()
    share = None if remaining is None else lambda: remaining
    return Progress(logging.getLogger("tap"), "companies", remaining=share, clock=clock), clock


def test_a_line_comes_every_half_minute_and_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    progress, clock = _progress(caplog)
    for second in range(0, 61, 10):
        clock.now = float(second)
        progress.page(1000)
    progress.done()
    assert [record.getMessage() for record in caplog.records] == [
        "companies: 4,000 rows in 4 pages, 133 rows/s so far",
        "companies: 7,000 rows in 7 pages, 117 rows/s so far",
        "Done: companies, 7,000 rows in 7 pages, 117 rows/s",
    ]


def test_the_time_left_is_told_where_it_is_known(caplog: pytest.LogCaptureFixture) -> None:
    progress, clock = _progress(caplog, remaining=0.75)
    for clock.now in (60.0, 3600.0):
        progress.page(10)
    assert [record.getMessage().partition("; ")[2] for record in caplog.records] == [
        "25% done, about 3 minutes left",
        "25% done, about 3.0 hours left",
    ]
