"""DayWindows of days: each day once, sizes that follow the rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planhat_api.values.dates import day_number, day_of
from tap_planhat.streams.day_windows import DayWindow, DayWindows


def _all(windows: DayWindows, rows: list[int]) -> list[DayWindow]:
    found = []
    while window := windows.next():
        found.append(window)
        windows.adjust_size(rows[len(found) % len(rows)], in_order=len(found) % 2 == 0)
    return found


def _days(windows: list[DayWindow]) -> list[int]:
    return [day for window in windows for day in range(window.first, window.last + 1)]


@given(
    first=st.integers(0, 30000),
    length=st.integers(0, 3000),
    rows_per_day=st.none() | st.integers(0, 10**6),
    rows=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=8),
)
def test_no_day_is_skipped_and_none_is_read_twice(
    first: int, length: int, rows_per_day: int | None, rows: list[int]
) -> None:
    last = first + length
    windows = _all(
        DayWindows([DayWindow(first, last)], rows_per_day=rows_per_day, page_size=10_000, in_order=True), rows
    )
    assert _days(windows) == list(range(first, last + 1))


@given(
    lengths=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=6),
    rows_per_day=st.integers(50, 2500),
)
def test_windows_keep_to_the_spans(lengths: list[tuple[int, int]], rows_per_day: int) -> None:
    spans, at = [], 0
    for gap, length in lengths:
        spans.append(DayWindow(at + gap, at + gap + length - 1))
        at += gap + length
    windows = DayWindows(spans, rows_per_day=rows_per_day, page_size=100, in_order=True)
    assert _days(_all(windows, [10_000])) == _days(spans)
    assert windows.remaining() == 0


def test_where_there_is_no_span_there_is_no_window() -> None:
    windows = DayWindows([], rows_per_day=None, page_size=100, in_order=True)
    assert windows.next() is None
    assert windows.remaining() == 0


def test_quiet_windows_grow_step_by_step_and_busy_ones_shrink() -> None:
    windows = DayWindows([DayWindow(0, 100_000)], rows_per_day=None, page_size=100, in_order=True)
    assert windows.next() == DayWindow(0, 6)
    windows.adjust_size(7 * 10, in_order=True)
    assert windows.next() == DayWindow(7, 7 + 83)
    windows.adjust_size(84 * 25, in_order=True)
    assert windows.next() == DayWindow(91, 91 + 99)
    windows.adjust_size(100 * 5000, in_order=True)
    assert windows.next() == DayWindow(191, 191)
    windows.adjust_size(0, in_order=True)
    assert windows.next() == DayWindow(192, 192 + 11)


def test_pages_that_planhat_makes_smaller_make_windows_smaller() -> None:
    windows = DayWindows([DayWindow(0, 9999)], rows_per_day=10, page_size=1000, in_order=True)
    assert windows.next() == DayWindow(0, 365)
    windows.adjust_size(3660, in_order=True, page_rows=20)
    assert windows.next() == DayWindow(366, 366 + 49)
    windows.adjust_size(500, in_order=True)
    assert windows.next() == DayWindow(416, 416 + 49)


def test_the_first_window_is_as_large_as_the_rows_of_an_earlier_run_allow() -> None:
    assert DayWindows([DayWindow(0, 999)], rows_per_day=10, page_size=100, in_order=True).next() == DayWindow(0, 249)
    assert DayWindows([DayWindow(0, 999)], rows_per_day=0, page_size=100, in_order=True).next() == DayWindow(0, 365)
    assert DayWindows([DayWindow(0, 999)], rows_per_day=10**9, page_size=100, in_order=True).next() == DayWindow(0, 0)


def test_windows_are_smaller_if_ids_have_to_be_kept() -> None:
    windows = DayWindows([DayWindow(0, 9999)], rows_per_day=10, page_size=100, in_order=False)
    assert windows.next() == DayWindow(0, 49)
    windows.adjust_size(500, in_order=True)
    assert windows.next() == DayWindow(50, 299)
    windows.adjust_size(0, in_order=False)
    assert windows.in_order
    windows.next()
    windows.adjust_size(10, in_order=False)
    assert not windows.in_order


def test_windows_never_grow_beyond_a_year() -> None:
    windows = DayWindows([DayWindow(0, 100_000)], rows_per_day=0, page_size=100, in_order=True)
    windows.next()
    windows.adjust_size(0, in_order=True)
    assert windows.next() == DayWindow(366, 731)


def test_remaining_is_the_share_of_days_to_come() -> None:
    windows = DayWindows([DayWindow(0, 99)], rows_per_day=1, page_size=1, in_order=True)
    assert windows.remaining() == 1
    windows.next()
    assert windows.remaining() == 0.75


@given(st.integers(0, 60000))
def test_day_numbers_are_dates(number: int) -> None:
    assert day_number(day_of(number)) == number
