"""Days since 1970-01-01 and back (B40, B41)."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planhat_api.dates import day_from_date, day_from_iso, iso_from_datetime, iso_from_day


@given(st.dates())
def test_there_and_back(day: date) -> None:
    assert date.fromordinal(day_from_date(day) + date(1970, 1, 1).toordinal()) == day
    assert day_from_iso(iso_from_day(day_from_date(day))) == day_from_date(day)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1970-01-01", 0),
        ("2024-05-14", 19857),
        ("2024-05-14T09:30:00.000Z", 19857),
        ("2024-05-14T09:30:00.000+0000", 19857),
        ("2024-05-14T23:30:00-05:00", 19858),
        ("2024-05-14T00:30:00+0200", 19856),
        (" 2024-05-14T09:30:00z ", 19857),
        ("1969-12-31", -1),
    ],
)
def test_texts_that_planhat_writes(text: str, day: int) -> None:
    assert day_from_iso(text) == day


@pytest.mark.parametrize("text", ["", "soon", "14.05.2024", "2024-13-01", "19857"])
def test_texts_that_are_no_day(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        day_from_iso(text)


def test_moments() -> None:
    zone = timezone(timedelta(hours=2))
    assert iso_from_datetime(datetime(2024, 5, 14, 1, 30, tzinfo=zone)) == "2024-05-13T23:30:00.000Z"
    assert iso_from_datetime(datetime(2024, 5, 14, 1, 30)) == "2024-05-14T01:30:00.000Z"  # noqa: DTZ001 - the case
    assert day_from_date(datetime(2024, 5, 14, 1, 30, tzinfo=zone)) == 19856
    assert iso_from_day(19857.0) == "2024-05-14T00:00:00.000Z"
