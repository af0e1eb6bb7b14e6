"""Converts dates to the forms of Planhat: ISO 8601 in UTC, or days since 1970-01-01.

A "moment" is a date with a time. The day of a moment with a time zone is the day in its text. Planhat writes moments in
UTC (B40), so for them this is the day in UTC. Other moments often come from a source that turned a date into local
midnight: an invoice that is due at `2024-05-14T00:00:00+02:00` is due on 14 May, although that is 13 May in UTC.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from planhat_api.values.invalid import InvalidValueError, invalid
from planhat_api.values.numbers import check_finite, number_in

if TYPE_CHECKING:
    from planhat_api.values.numbers import Number

__all__ = [
    "CANONICAL",
    "FIRST_DAY",
    "LAST_DAY",
    "are_canonical",
    "day_number",
    "day_of",
    "epoch_day",
    "is_canonical",
    "moment",
    "moment_in",
    "today",
]

_EPOCH = date(1970, 1, 1)
FIRST_DAY, LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days
"""The first and last day, in days since 1970, that Python can represent."""

_START = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECONDS_A_DAY = 86_400_000
_FIRST_MILLISECOND, _LAST_MILLISECOND = FIRST_DAY * _MILLISECONDS_A_DAY, (LAST_DAY + 1) * _MILLISECONDS_A_DAY - 1
_MILLISECONDS_FROM = 100_000_000_000
"""Numbers of at least this size are milliseconds since 1970 (before 1967 or after 1973). Smaller ones are ambiguous."""

_LOOKS_LIKE = (
    (3_000, 100_000, "days since 1970"),
    (19_000_101, 21_001_232, "a date without separators"),
    (100_000_000, _MILLISECONDS_FROM, "seconds since 1970"),
    (_LAST_MILLISECOND, 10**17, "microseconds since 1970"),
    (10**17, 10**20, "nanoseconds since 1970"),
)
"""The most likely meaning of numbers in these ranges. It is only used in error messages."""

# The form that Planhat writes (B40). The slow check handles 29 February of years that end in 00.
_LEAP_DAY = r"[0-9]{2}(?:0[48]|[2468][048]|[13579][26])-02-29"
_OTHER_DAY = (
    r"(?!0000)[0-9]{4}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_MOMENT = rf"(?:{_OTHER_DAY}|{_LEAP_DAY})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{{3}}Z"
CANONICAL = f"^{_MOMENT}$"
"""Matches an existing moment in the form of Planhat, which needs no conversion."""
_ARE_CANONICAL = re.compile(f"(?:{_MOMENT}~)*").fullmatch

is_canonical = re.compile(_MOMENT).fullmatch
"""Whether a text is a moment in the form of Planhat."""

# ISO 8601, and variants of it from warehouses: a space in place of T, a space before the zone, `UTC`, zones with only
# hours, any number of digits for the fraction. No form that has two meanings.
_READABLE = re.compile(
    r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})"  # year, dash, month, day
    r"(?:[Tt ]([0-9]{2})"  # hour
    r"(?:(:?)([0-9]{2})(?:\6([0-9]{2})(?:[.,]([0-9]+))?)?)?"  # colon, minute, second, fraction
    r" ?(?:(?i:Z|UTC|GMT)|([+-][0-9]{2}(?::?[0-5][0-9](?::?[0-5][0-9])?)?))?)?"  # zone
).fullmatch


def are_canonical(texts: list[str]) -> bool:
    """Whether all texts are moments in the form of Planhat."""
    return _ARE_CANONICAL("~".join([*set(texts), ""])) is not None


def today() -> int:
    """Today's day number in UTC."""
    return day_number(_now().date())


def _now() -> datetime:
    return datetime.now(timezone.utc)


def day_number(day: date) -> int:
    """Days since 1970-01-01 (B41)."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The date of a day number."""
    return _EPOCH + timedelta(days=number)


def moment(value: object, *, any_number: bool = False) -> str | None:
    """Convert a value to a moment in the form of Planhat: ISO 8601 in UTC with milliseconds (B40).

    Args:
        value: A date in a text, milliseconds since 1970, or a Python date. A blank text gives None.
        any_number: Whether numbers near 0 are milliseconds too. They are in Planhat's answers (B42), but in a warehouse
            they may be seconds, days, or something else.

    Raises:
        InvalidValueError: The value is not a date.
    """
    if isinstance(value, str):
        if is_canonical(value):
            return value
        value = value.strip()
        if not value:
            return None
        any_number = False
    found = _moment_or_number(value)
    at = found if isinstance(found, datetime) else _from_milliseconds(found, any_number=any_number)
    return _in_utc(at).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def epoch_day(value: object, *, fractions: bool = False) -> Number | None:
    """Convert a value to days since 1970-01-01 (B41). A moment becomes the day in its text.

    Args:
        value: A number of days, a date in a text, milliseconds since 1970, or a Python date. A blank text gives None.
        fractions: Whether a number of days may have a fraction. In Planhat's answers, its integers sometimes have one
            (B44).

    Raises:
        InvalidValueError: The value is not a day.
    """
    if type(value) is int and FIRST_DAY <= value <= LAST_DAY:
        return value
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
    found = _moment_or_number(value)
    if isinstance(found, datetime):
        return day_number(found.date())
    if not FIRST_DAY <= found <= LAST_DAY:
        return day_number(_from_milliseconds(found).date())
    if fractions:
        return found
    whole = int(found)
    if whole != found:
        msg = "not a whole number of days"
        raise InvalidValueError(msg)
    return whole


def moment_in(text: str) -> datetime | None:
    """Read a moment from a text, in UTC if it has no zone (B40); None for a text that is not a date.

    Raises:
        InvalidValueError: The date or time does not exist.
    """
    found = _READABLE(text)
    if found is None:
        return None
    year, _, month, day, hour, _, minute, second, fraction, zone = found.groups(default="0")
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second),
            int(fraction[:6].ljust(6, "0")),
            timezone.utc if zone == "0" else _zone(zone),
        )
    except ValueError as err:
        msg = "a text with a date or time that does not exist"
        raise InvalidValueError(msg) from err


def _zone(text: str) -> timezone:
    digits = text[1:].replace(":", "").ljust(6, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return timezone(-offset if text[0] == "-" else offset)


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is timezone.utc:
        return at
    try:
        return at.astimezone(timezone.utc)
    except OverflowError as err:
        msg = "a date out of range"
        raise InvalidValueError(msg) from err


def _from_milliseconds(value: Number, *, any_number: bool = False) -> datetime:
    size = -value if value < 0 else value
    if (any_number or size >= _MILLISECONDS_FROM) and _FIRST_MILLISECOND <= value <= _LAST_MILLISECOND:
        return _START + timedelta(milliseconds=float(value))
    likely = next((name for start, end, name in _LOOKS_LIKE if start <= size < end), None)
    looks = f"looks like {likely}" if likely else "is not a date"
    msg = f"a number that {looks}; send ISO 8601, such as 2024-02-29T10:00:00Z, or milliseconds since 1970"
    raise InvalidValueError(msg)


def _moment_or_number(value: object) -> datetime | Number:
    """The moment or the number in a value."""
    if isinstance(value, str):
        found = moment_in(value) or number_in(value)
        if found is None:
            msg = "a text that is not a date; send ISO 8601, such as 2024-02-29T10:00:00Z"
            raise InvalidValueError(msg)
        return found
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise invalid(value, "a date")
    check_finite(value)
    return value
