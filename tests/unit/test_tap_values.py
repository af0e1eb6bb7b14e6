"""Conversion of single values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_planhat.records.values import (
    to_array_of,
    to_boolean,
    to_epoch_day,
    to_moment,
    to_number,
    to_referring_object,
    to_text,
)


@pytest.mark.parametrize(
    ("given_value", "text"),
    [
        ("", ""),
        (4711, "4711"),
        (True, "true"),
        ({"_id": "64c1", "nickName": "Kim"}, "64c1"),
        ({"id": "64c1"}, "64c1"),
        ({"code": "EUR", "rate": 1}, "EUR"),
        ({"_id": None, "id": 7}, "7"),
        ({"name": "nobody"}, None),
        ({"_id": {"$oid": "64c1"}}, None),
        (["64c1"], None),
    ],
)
def test_text(given_value: object, text: str | None) -> None:
    assert to_text(given_value) == text


@pytest.mark.parametrize(
    ("given_value", "number"),
    [
        (3.5, 3.5),
        ("12", 12),
        (" -3.2 ", -3.2),
        ("1e3", 1000.0),
        ("1e400", None),
        ("undefined", None),
        ("", None),
        ("12,5", None),
        (True, None),
        ({}, None),
        (10**400, None),
    ],
)
def test_number(given_value: object, number: float | None) -> None:
    assert to_number(given_value) == number


@pytest.mark.parametrize(
    ("given_value", "boolean"),
    [(1, True), ("false", False), ("TRUE", True), (0.0, False), ("yes", True), (2, None), ([], None)],
)
def test_boolean(given_value: object, *, boolean: bool | None) -> None:
    assert to_boolean(given_value) is boolean


@pytest.mark.parametrize(
    ("given_value", "moment"),
    [
        ("2024-05-14", "2024-05-14T00:00:00.000Z"),
        ("2024-05-14T09:30:00.000+0000", "2024-05-14T09:30:00.000Z"),
        ("2024-05-14T09:30:00.000+0200", "2024-05-14T07:30:00.000Z"),
        ("2024-05-14 09:30:00", "2024-05-14T09:30:00.000Z"),
        ("2024-05-14T09:30", "2024-05-14T09:30:00.000Z"),
        ("2024-05-14T09:30:00Z", "2024-05-14T09:30:00Z"),
        ("2024-05-14T09:30:00.123+02:00", "2024-05-14T09:30:00.123+02:00"),
        (1715679000123, "2024-05-14T09:30:00.123Z"),
        ("1715679000000", "2024-05-14T09:30:00.000Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        ("2024-02-30", None),
        ("2024-05-14T25:00:00Z", None),
        ("", None),
        ("undefined", None),
        (1e300, None),
        (True, None),
        ({"$date": "2024-05-14"}, None),
    ],
)
def test_moment(given_value: object, moment: str | None) -> None:
    assert to_moment(given_value) == moment


def test_epoch_day_counts_an_iso_date() -> None:
    assert to_epoch_day("2024-05-14T09:30:00.000Z") == 19857
    assert to_epoch_day(19857) == 19857
    assert to_epoch_day("19857") == 19857
    assert to_epoch_day("soon") is None


def test_arrays() -> None:
    texts = to_array_of(to_text)
    unchanged = ["a", None]
    assert texts(unchanged) is unchanged
    assert texts([{"_id": "a"}, 7]) == ["a", "7"]
    assert texts("a") == ["a"]
    assert texts("") is None
    assert to_array_of(to_referring_object)(["a", {"id": "b"}]) == [{"id": "a"}, {"id": "b"}]
    assert to_array_of(None)("a") is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "convert",
    [to_text, to_number, to_boolean, to_moment, to_epoch_day, to_array_of(to_text), to_referring_object],
    ids=["text", "number", "boolean", "moment", "epoch_day", "texts", "referring_object"],
)
@given(value=_JSON | st.from_regex(r"\A\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:?\d\d)?)?\Z"))
def test_converting_twice_is_converting_once(convert: Any, value: object) -> None:
    once = convert(value)
    assert convert(once) is once
