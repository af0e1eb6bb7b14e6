"""Windows of days: each day once, sizes that follow the rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tap_planhat.windows import Window, Windows, day_number, day_of


def _all(windows: Windows, rows: list[int]) -> list[Window]:
    found = []
    while window := windows.next():
        found.append(window)
        windows.held(rows[len(found) % len(rows)])
    return found


@given(
    first=st.integers(0, 30000),
    length=st.integers(0, 3000),
    days=st.integers(1, 366),
    rows=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=8),
)
def test_no_day_is_skipped_and_none_is_read_twice(first: int, length: int, days: int, rows: list[int]) -> None:
    last = first + length
    windows = _all(Windows(first, last, days=days, page_size=10_000), rows)
    read = [day for window in windows for day in range(window.first, window.last + 1)]
    assert read == list(range(first, last + 1))


def test_an_empty_span_has_no_window() -> None:
    windows = Windows(10, 9, days=7, page_size=100)
    assert windows.next() is None
    assert windows.remaining() == 0


def test_quiet_windows_grow_and_busy_ones_shrink() -> None:
    windows = Windows(0, 100_000, days=8, page_size=100)
    windows.next()
    windows.held(0)
    assert windows.next() == Window(8, 8 + 31)
    windows.held(1250)
    assert windows.next() == Window(40, 40 + 63)
    windows.held(2500)
    assert windows.next() == Window(104, 104 + 63)
    windows.held(5000)
    assert windows.next() == Window(168, 168 + 63)
    windows.held(10_000)
    assert windows.next() == Window(232, 232 + 15)
    windows.held(10_000_000)
    assert windows.next() == Window(248, 248)


def test_windows_never_grow_beyond_a_year() -> None:
    windows = Windows(0, 100_000, days=366, page_size=100)
    windows.next()
    windows.held(0)
    assert windows.next() == Window(366, 731)


def test_remaining_is_the_share_of_days_to_come() -> None:
    windows = Windows(0, 99, days=25, page_size=1)
    assert windows.remaining() == 1
    windows.next()
    assert windows.remaining() == 0.75


@given(st.integers(0, 60000))
def test_day_numbers_are_dates(number: int) -> None:
    assert day_number(day_of(number)) == number
