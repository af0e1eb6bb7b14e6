"""Dates as warehouses write them are read, and what could be read in two ways is refused with what to send instead."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows.values import DATE_TIME, EPOCH_DAY, NUMBER

if TYPE_CHECKING:
    from planhat_api.values.field_type import FieldType

TEN = "2024-02-29T10:00:00.000Z"
TEN_123 = "2024-02-29T10:00:00.123Z"
BOTH = pytest.mark.parametrize("kind", [DATE_TIME, EPOCH_DAY])

WAREHOUSES = {
    "BigQuery, TIMESTAMP in files and the console": ("2024-02-29 10:00:00 UTC", TEN),
    "BigQuery, TIMESTAMP with a fraction": ("2024-02-29 10:00:00.123456 UTC", TEN_123),
    "BigQuery, TIMESTAMP cast to text": ("2024-02-29 10:00:00+00", TEN),
    "BigQuery, DATETIME": ("2024-02-29T10:00:00.123456", TEN_123),
    "Snowflake, TIMESTAMP_LTZ and _TZ": ("2024-02-29 10:00:00.000 +0000", TEN),
    "Snowflake, TIMESTAMP_TZ elsewhere": ("2024-02-29 02:00:00.123 -0800", TEN_123),
    "Snowflake, TIMESTAMP_NTZ": ("2024-02-29 10:00:00.000", TEN),
    "Snowflake, unloaded": ("2024-02-29 10:00:00.123456 Z", TEN_123),
    "Snowflake, nanoseconds": ("2024-02-29 10:00:00.123456789 +0000", TEN_123),
    "Redshift, TIMESTAMP": ("2024-02-29 10:00:00.123", TEN_123),
    "Redshift and PostgreSQL, TIMESTAMPTZ": ("2024-02-29 10:00:00.123456+00", TEN_123),
    "PostgreSQL, half an hour": ("2024-02-29 15:30:00+05:30", TEN),
    "PostgreSQL, a zone of long ago": ("2024-02-29 10:53:28+00:53:28", TEN),
    "PostgreSQL, JSON": ("2024-02-29T10:00:00+00:00", TEN),
    "PostgreSQL, the case": ("2024-02-29T10:00:00+00", TEN),
    "Databricks, text": ("2024-02-29 10:00:00", TEN),
    "Databricks, JSON": ("2024-02-29T10:00:00.000Z", TEN),
    "Databricks, JSON with a zone": ("2024-02-29T10:00:00.123+00:00", TEN_123),
    "SQL Server, datetime2": ("2024-02-29 10:00:00.1234567", TEN_123),
    "SQL Server, datetimeoffset": ("2024-02-29 12:00:00.1234567 +02:00", TEN_123),
    "SQL Server, FOR JSON": ("2024-02-29T10:00:00.1234567Z", TEN_123),
    "MySQL, DATETIME(6)": ("2024-02-29 10:00:00.123456", TEN_123),
    "DuckDB, TIMESTAMPTZ": ("2024-02-29 11:00:00+01", TEN),
    "DuckDB, TIMESTAMP_NS": ("2024-02-29 10:00:00.123456789", TEN_123),
    "Trino and Athena": ("2024-02-29 10:00:00.123 UTC", TEN_123),
    "mail and HTTP people": ("2024-02-29 10:00:00 GMT", TEN),
    "small letters": ("2024-02-29t10:00:00z", TEN),
    "without seconds": ("2024-02-29T10:00Z", TEN),
    "a comma": ("2024-02-29T10:00:00,123Z", TEN_123),
    "without separators": ("20240229T100000Z", TEN),
    "milliseconds as a text": ("1709200800123", TEN_123),
    "a date": ("2024-02-29", "2024-02-29T00:00:00.000Z"),
    "a date without separators": ("20240229", "2024-02-29T00:00:00.000Z"),
}


@pytest.mark.parametrize(("text", "wanted"), WAREHOUSES.values(), ids=WAREHOUSES)
def test_dates_as_warehouses_write_them(text: str, wanted: str) -> None:
    assert DATE_TIME.convert(text) == wanted
    assert DATE_TIME.convert(f" {text}\n") == wanted
    assert EPOCH_DAY.convert(text) == 19782


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "01/02/2026",
        "1.2.2026",
        "02-01-2026",
        "29 Feb 2024",
        "Feb 29 2024 10:00AM",
        "Thu, 29 Feb 2024 10:00:00 GMT",
        "2024-2-9",
        "24-02-29",
        "2024-0229",
        "2024-02-29  10:00:00",
        "2024-02-29 10:0000",
        "2024-02-29 10:00:00 CET",
        "2024-02-29 10:00:00 Europe/Berlin",
        "2024-02-29 10:00:00 PM",
        "2024-02-29 10:00:00.",
        "2024-02-29Z",
        "2024-W09-4",
        "٢٠٢٤-٠٢-٢٩",
        "infinity",
        "tomorrow",
        "1_000",
        "--3",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_with_what_to_send(kind: FieldType, text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        kind.convert(text)
    assert str(caught.value) == "a text that is not a date; send ISO 8601, such as 2024-02-29T10:00:00Z"


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "0000-00-00 00:00:00",
        "2023-02-29T10:00:00Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T23:59:60Z",
        "2024-02-29T10:60:00Z",
        "2024-02-29T10:00:00+24:00",
        "20241340",
    ],
)
def test_dates_that_do_not_exist(kind: FieldType, text: str) -> None:
    with pytest.raises(InvalidValueError, match="a date or time that does not exist"):
        kind.convert(text)


SEND = "; send ISO 8601, such as 2024-02-29T10:00:00Z, or milliseconds since 1970"
SECONDS = f"a number that looks like seconds since 1970{SEND}"


@BOTH
@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1_709_164_800, SECONDS),
        (1_709_164_800.5, SECONDS),
        (Decimal(1_709_164_800), SECONDS),
        (-1_709_164_800, SECONDS),
        ("1709164800", SECONDS),
        ("1.7091648E9", SECONDS),  # as BigQuery's REST API writes a TIMESTAMP
        (1_709_164_800_000_000, f"a number that looks like microseconds since 1970{SEND}"),
        ("1709164800000000000", f"a number that looks like nanoseconds since 1970{SEND}"),
        (20_240_229, f"a number that looks like a date without separators{SEND}"),
        (10**400, f"a number that is not a date{SEND}"),
        (-(10**400), f"a number that is not a date{SEND}"),
        (5_000_000, f"a number that is not a date{SEND}"),
        (float("inf"), "not a finite number"),
        (Decimal("sNaN"), "not a finite number"),
    ],
)
def test_numbers_that_are_no_milliseconds_are_told_what_they_look_like(
    kind: FieldType, value: object, told: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        kind.convert(value)
    assert str(caught.value) == told


@pytest.mark.parametrize("value", [19_782, 19_782.0, "19782"], ids=repr)
def test_days_are_taken_where_days_are_meant_only(value: object) -> None:
    assert EPOCH_DAY.convert(value) == 19_782
    with pytest.raises(InvalidValueError) as caught:
        DATE_TIME.convert(value)
    assert str(caught.value) == f"a number that looks like days since 1970{SEND}"


def test_milliseconds_before_1967_and_up_to_the_last_day_are_taken() -> None:
    assert DATE_TIME.convert(-2_208_988_800_000) == "1900-01-01T00:00:00.000Z"
    assert DATE_TIME.convert(253_402_300_799_999) == "9999-12-31T23:59:59.999Z"
    assert EPOCH_DAY.convert(-2_208_988_800_000) == -25_567
    assert EPOCH_DAY.convert((date.max - date(1970, 1, 1)).days) == 2_932_896


@pytest.mark.parametrize("text", ["1e400", "1e9999999", "9" * 5000, "-1e309", "NaN", "sNaN", "Infinity"])
def test_a_number_that_no_field_can_hold_is_refused_at_once(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not a finite number"):
        NUMBER.convert(text)


FIRST, LAST = (datetime.fromisoformat(text) for text in ("0001-01-02", "9999-12-30"))
OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.datetimes(FIRST, LAST, timezones=st.just(timezone.utc) | OFFSETS),
    st.sampled_from(["T", " ", "t"]),
    st.sampled_from(["", " "]),
    st.integers(0, 9),
    st.booleans(),
)
def test_every_form_keeps_its_moment(
    moment: datetime,
    between: str,
    gap: str,
    digits: int,
    colon: bool,  # noqa: FBT001 # what hypothesis draws
) -> None:
    fraction = f".{moment.microsecond:06d}000"[: digits + 1] if digits else ""
    zone = moment.strftime("%z")
    text = f"{moment:%Y-%m-%d}".zfill(10) + between + f"{moment:%H:%M:%S}{fraction}{gap}"
    text += f"{zone[:3]}:{zone[3:]}" if colon else zone
    kept = moment.replace(microsecond=int(f"{moment.microsecond:06d}"[: min(digits, 3)].ljust(6, "0")))
    try:
        wanted = kept.astimezone(timezone.utc)
    except OverflowError:
        return
    assert DATE_TIME.convert(text) == wanted.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert EPOCH_DAY.convert(text) == (moment.date() - date(1970, 1, 1)).days
