"""The account of days read, held against one that knows the reading of each day."""

from __future__ import annotations

import json
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tap_planhat.streams.day_coverage import DayCoverage, ReadSpan
from tap_planhat.streams.day_windows import DayWindow


class Run(NamedTuple):
    """Settings of one run: days are counted back from the day of the run."""

    later: int
    start: int
    end: int
    lookback: int
    killed_after: int


RUNS = st.lists(
    st.builds(
        Run,
        later=st.integers(0, 9),
        start=st.integers(0, 60),
        end=st.sampled_from([0, 0, 0, 1, 5, 20]),
        lookback=st.sampled_from([0, 0, 3, 10]),
        killed_after=st.sampled_from([99, 99, 0, 1, 2]),
    ),
    max_size=12,
)


def _days(windows: object) -> set[int]:
    return {day for window in windows for day in range(window.first, window.last + 1)}  # type: ignore[attr-defined]


def _again(days: DayCoverage, today: int) -> DayCoverage:
    """What comes out of a state."""
    return DayCoverage.from_state(json.loads(json.dumps(days.to_state())), today)


@given(RUNS)
def test_every_day_asked_for_is_read_until_it_was_read_late_enough(runs: list[Run]) -> None:
    """Whatever changes from run to run, and wherever a run ends."""
    today, days = 1000, DayCoverage()
    read_on: dict[int, int] = {}
    for run in runs:
        today += run.later
        days = _again(days, today)
        first, last = today - run.start, today - min(run.end, run.start)
        unread = {day for day in range(first, last + 1) if read_on.get(day, -1) <= day + run.lookback}
        due = days.days_to_read(first, last, run.lookback, today)
        assert unread <= _days(due) <= set(range(first, last + 1))
        assert sum(window.last - window.first + 1 for window in due) == len(_days(due))
        for number, window in enumerate(due):
            if number == run.killed_after:
                break
            days.mark_read(window, today, run.lookback)
            read_on.update(dict.fromkeys(range(window.first, window.last + 1), today))
        else:
            settled = {day for day in range(first, last + 1) if today > day + run.lookback}
            assert settled.isdisjoint(_days(days.days_to_read(first, last, run.lookback, today)))


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([99, 0, 1])), max_size=30), st.integers(0, 12))
def test_nothing_is_read_without_need_while_the_settings_stay(runs: list[tuple[int, int]], lookback: int) -> None:
    today, days = 1000, DayCoverage()
    read_on: dict[int, int] = {}
    for later, killed_after in runs:
        today += later
        days = _again(days, today)
        due = _days(days.days_to_read(980, today, lookback, today))
        assert due == {day for day in range(980, today + 1) if read_on.get(day, -1) <= day + lookback}
        for day in sorted(due)[: 1 + killed_after * 3]:
            days.mark_read(DayWindow(day, day), today, lookback)
            read_on[day] = today


def test_a_state_stays_small_through_a_year_of_runs() -> None:
    days = DayCoverage()
    for today in range(1000, 1365):
        if today % 7 < 5:
            for window in days.days_to_read(today - 730, today, 30, today):
                days.mark_read(window, today, 30)
    assert len(days.to_state()) == 2


def test_a_longer_lookback_reads_again_only_what_was_read_too_early() -> None:
    days = DayCoverage()
    days.mark_read(DayWindow(0, 1000), 1000, 10)
    for today in (1001, 1002):
        for window in days.days_to_read(0, today, 10, today):
            days.mark_read(window, today, 10)
    assert days.days_to_read(0, 1002, 40, 1003) == [DayWindow(960, 1002)]


def test_days_that_were_read_today_come_after_all_others() -> None:
    days = DayCoverage([ReadSpan(0, 40, read_on=90), ReadSpan(80, 89, read_on=90), ReadSpan(90, 95, read_on=100)])
    assert days.days_to_read(0, 100, 30, 100) == [DayWindow(41, 89), DayWindow(96, 100), DayWindow(90, 95)]


def test_a_clock_that_was_ahead_settles_no_day() -> None:
    days = DayCoverage()
    days.mark_read(DayWindow(0, 500), 500, 0)
    assert _again(days, today=100).days_to_read(0, 100, 0, 100) == [DayWindow(100, 100)]


def test_what_is_cut_off_is_read_again() -> None:
    days = DayCoverage([ReadSpan(0, 50, read_on=90), ReadSpan(60, 70, read_on=90), ReadSpan(9, 8, read_on=90)])
    assert days.last == 70
    assert days.limited_to(20).days_to_read(0, 80, 0, 100) == [DayWindow(21, 80)]
    assert days.days_to_read(0, 80, 0, 100) == [DayWindow(51, 59), DayWindow(71, 80)]


def test_days_that_were_never_read_are_counted() -> None:
    known = DayCoverage([ReadSpan(10, 19, read_on=20), ReadSpan(30, 39, read_on=40)])
    assert known.unread([DayWindow(10, 19), DayWindow(30, 39)]) == 0
    assert known.unread([DayWindow(5, 44)]) == 20
    assert known.unread([DayWindow(20, 29), DayWindow(50, 51)]) == 12
    assert known.unread([]) == 0
    assert DayCoverage().unread([DayWindow(1, 7)]) == 7
