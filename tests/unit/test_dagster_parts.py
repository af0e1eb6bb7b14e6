"""Which days and dimensions the tap reads for the partitions of a run."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_planhat.pieces.keys import dimension_of, key_of
from dagster_planhat.pieces.parts import Piece, pieces_of
from dagster_planhat.pieces.spread import cron_of
from dagster_planhat.pieces.windows import Days, consecutive, days_of_window, settings_of

# What Dagster 1.13 refuses in the keys of partitions of several dimensions, or takes for something else.
FORBIDDEN = ["...", "|", "[", "]", ",", "\a", "\b", "\f", "\n", "\r", "\t", "\v", "\0"]

DAYS = st.dates(date(2001, 1, 1), date(2090, 12, 31))


@given(st.text())
def test_each_dimension_has_a_key_that_dagster_takes_and_that_leads_back(dimension: str) -> None:
    key = key_of(dimension)
    assert key
    assert not any(text in key for text in FORBIDDEN)
    assert key.isascii()
    assert key == key.strip()
    assert dimension_of(key) == dimension


@given(st.text(), st.text())
def test_two_dimensions_never_share_a_key(one: str, other: str) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@pytest.mark.parametrize("dimension", ["logins", "api-calls", "hours.spent", "a:b", "active_users", "Logins per day"])
def test_usual_dimensions_are_their_own_keys(dimension: str) -> None:
    assert key_of(dimension) == dimension


def test_unusual_signs_are_written_as_in_addresses() -> None:
    assert key_of("a|b") == "a%7Cb"
    assert key_of("50%") == "50%25"
    assert key_of("wait...") == "wait.%2E%2E"
    assert key_of(" two words ") == "%20two words%20"
    assert key_of("größe") == "gr%C3%B6%C3%9Fe"


@pytest.mark.parametrize("key", ["a%7cb", "%6C", "a|b", "a%", "größe", "%FF", ""])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"not the partition key|decode"):
        dimension_of(key)


def test_a_week_has_seven_days_and_a_month_its_own_number() -> None:
    assert days_of_window("2026-11-02", "week") == Days(date(2026, 11, 2), date(2026, 11, 8))
    assert days_of_window("2024-02-01", "month") == Days(date(2024, 2, 1), date(2024, 2, 29))
    assert days_of_window("2025-12-01", "month") == Days(date(2025, 12, 1), date(2025, 12, 31))


@given(DAYS)
def test_months_follow_each_other_without_a_gap(day: date) -> None:
    first = day.replace(day=1)
    after = days_of_window(first.isoformat(), "month").last + timedelta(days=1)
    assert after.day == 1
    assert (after.year - first.year) * 12 + after.month - first.month == 1


def test_a_window_that_has_not_ended_is_cut_at_today_and_one_in_the_future_has_no_days() -> None:
    week = days_of_window("2026-11-02", "week")
    assert week.until(date(2026, 11, 30)) == week
    assert week.until(date(2026, 11, 4)) == Days(date(2026, 11, 2), date(2026, 11, 4))
    assert week.until(date(2026, 11, 2)) == Days(date(2026, 11, 2), date(2026, 11, 2))
    assert week.until(date(2026, 11, 1)) is None


def test_the_tap_is_asked_for_both_days_of_a_window() -> None:
    assert settings_of(Days(date(2026, 1, 5), date(2026, 1, 11))) == {
        "start_date": "2026-01-05",
        "end_date": "2026-01-11",
    }


@given(st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 2, 28)), st.integers(0, 9)), max_size=12))
def test_joined_windows_hold_the_same_days_with_a_gap_between_them(given_windows: list[tuple[date, int]]) -> None:
    windows = [Days(first, first + timedelta(days=length)) for first, length in given_windows]
    joined = consecutive(windows)
    assert _days(joined) == _days(windows)
    assert all(after.first > before.last + timedelta(days=1) for before, after in pairwise(joined))


@given(
    st.sets(st.tuples(st.sampled_from(["logins", "a|b", "größe", ""]), st.integers(0, 30))),
    st.integers(-10, 250),
)
def test_pieces_read_exactly_the_days_of_their_partitions(
    partitions: set[tuple[str, int]], days_until_today: int
) -> None:
    start = date(2026, 1, 5)
    today = start + timedelta(days=days_until_today)
    keys = [(key_of(dimension), (start + timedelta(weeks=week)).isoformat()) for dimension, week in partitions]
    wanted = {
        (dimension, day)
        for dimension, week in partitions
        for number in range(7)
        if (day := start + timedelta(days=7 * week + number)) <= today
    }
    pieces = pieces_of(keys, "week", today)
    read = [(dimension, day) for piece in pieces for dimension in piece.dimensions for day in _days([piece.days])]
    assert len(read) == len(set(read))
    assert set(read) == wanted


def test_windows_and_dimensions_that_belong_together_are_one_run() -> None:
    partitions = [(name, week) for name in ("logins", "sessions") for week in ("2026-01-05", "2026-01-12")]
    assert pieces_of([*partitions, ("uptime", "2026-01-05")], "week", date(2026, 6, 1)) == [
        Piece(("uptime",), Days(date(2026, 1, 5), date(2026, 1, 11))),
        Piece(("logins", "sessions"), Days(date(2026, 1, 5), date(2026, 1, 18))),
    ]


def test_tenants_are_spread_over_their_hour() -> None:
    minutes = [int(cron_of("H 6 * * *", f"tenant{number}").split()[0]) for number in range(300)]
    assert cron_of("H 6 * * *", "tenant0") == f"{minutes[0]} 6 * * *"
    assert set(minutes) <= set(range(60))
    # 300 tenants are five a minute; were they not spread, some minute would have far more.
    assert max(minutes.count(minute) for minute in range(60)) <= 15


def test_a_schedule_with_a_minute_stays_as_it_is() -> None:
    assert cron_of("5 6 * * 1", "acme") == "5 6 * * 1"
    with pytest.raises(ValueError, match="five parts"):
        cron_of("H * * *", "acme")


def _days(windows: list[Days]) -> set[date]:
    return {
        window.first + timedelta(days=number)
        for window in windows
        for number in range((window.last - window.first).days + 1)
    }
