"""Reads dates as warehouses write them and writes them as Planhat wants them: ISO 8601, or days since 1970."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from target_planhat.rows.invalid import UnfitValueError, check_finite, unfit

if TYPE_CHECKING:
    from target_planhat.rows.invalid import Json

__all__ = ["CANONICAL", "FIRST_DAY", "LAST_DAY", "are_canonical", "date_time", "epoch_day", "is_canonical"]

EPOCH = date(1970, 1, 1)

# The form that needs no change; 29 February of a year that ends in 00 is left to the slow check.
_LEAP_DAY = r"[0-9]{2}(?:0[48]|[2468][048]|[13579][26])-02-29"
_OTHER_DAY = (
    r"(?!0000)[0-9]{4}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_MOMENT = rf"(?:{_OTHER_DAY}|{_LEAP_DAY})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{{3}}Z"
CANONICAL = f"^{_MOMENT}$"
_ARE_CANONICAL = re.compile(f"(?:{_MOMENT}~)*").fullmatch

is_canonical = re.compile(_MOMENT).fullmatch
"""Whether a text is a date in the form that needs no change."""


def are_canonical(texts: list[str]) -> bool:
    """Whether all texts are dates in the form that needs no change."""
    return _ARE_CANONICAL("~".join([*set(texts), ""])) is not None


# ISO 8601 and what warehouses make of it: a space for the T, a space before the zone, `UTC`, zones of hours alone, any
# number of digits for the fraction. Nothing that could be read in two ways.
_READABLE = re.compile(
    r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})"  # year, dash, month, day
    r"(?:[Tt ]([0-9]{2})"  # hour
    r"(?:(:?)([0-9]{2})(?:\6([0-9]{2})(?:[.,]([0-9]+))?)?)?"  # colon, minute, second, fraction
    r" ?(?:(?i:Z|UTC|GMT)|([+-][0-9]{2}(?::?[0-5][0-9](?::?[0-5][0-9])?)?))?)?"  # zone
).fullmatch
_IS_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?").fullmatch


def _moment(text: str) -> datetime | None:
    """The moment a text names, by UTC if it names no zone; None for a text that is no date."""
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
        raise UnfitValueError(msg) from err


def _zone(text: str) -> timezone:
    digits = text[1:].replace(":", "").ljust(6, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return timezone(-offset if text[0] == "-" else offset)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as err:
        msg = "a date out of range"
        raise UnfitValueError(msg) from err


FIRST_DAY, LAST_DAY = ((day - EPOCH).days for day in (date.min, date.max))
"""Days since 1970 that a date can have."""
_MILLISECONDS_A_DAY = 86_400_000
_FIRST_MILLISECOND, _LAST_MILLISECOND = FIRST_DAY * _MILLISECONDS_A_DAY, (LAST_DAY + 1) * _MILLISECONDS_A_DAY - 1
_MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds since 1970 (1966 and earlier, 1973 and later); nearer ones may be anything."""

_LOOKS_LIKE = (
    (3_000, 100_000, "days since 1970"),
    (19_000_101, 21_001_232, "a date without separators"),
    (100_000_000, _MILLISECONDS_FROM, "seconds since 1970"),
    (_LAST_MILLISECOND, 10**17, "microseconds since 1970"),
    (10**17, 10**20, "nanoseconds since 1970"),
)
"""What a number of this size, from and up to, was most likely meant to be. It is told, and never acted upon."""


def _number(value: Json) -> float | Decimal | None:
    """A number, or the number a text of digits holds; None for anything else."""
    if isinstance(value, str):
        return Decimal(value) if _IS_NUMBER(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    check_finite(value)
    return value


def _from_milliseconds(value: float | Decimal) -> datetime:
    size = -value if value < 0 else value
    if size >= _MILLISECONDS_FROM and _FIRST_MILLISECOND <= value <= _LAST_MILLISECOND:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=float(value))
    likely = next((name for start, end, name in _LOOKS_LIKE if start <= size < end), None)
    looks = f"looks like {likely}" if likely else "is no date"
    msg = f"a number that {looks}; send ISO 8601, such as 2024-02-29T10:00:00Z, or milliseconds since 1970"
    raise UnfitValueError(msg)


def _date_or_number(value: Json) -> datetime | float | Decimal:
    """The moment a value names, or the number it holds."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if isinstance(value, str):
        moment = _moment(value)
        if moment is not None:
            return moment
    number = _number(value)
    if number is not None:
        return number
    if isinstance(value, str):
        msg = "a text that is not a date; send ISO 8601, such as 2024-02-29T10:00:00Z"
        raise UnfitValueError(msg)
    raise unfit(value, "a date")


def date_time(value: Json) -> str | None:
    """ISO 8601 in UTC with milliseconds (B40)."""
    if isinstance(value, str):
        if is_canonical(value):
            return value
        value = value.strip()
        if not value:
            return None
    found = _date_or_number(value)
    moment = found if isinstance(found, datetime) else _from_milliseconds(found)
    return _in_utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_day(value: Json) -> int | None:
    """Whole days since 1970-01-01 (B41). A date with a zone counts as the day it shows."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
    found = _date_or_number(value)
    if isinstance(found, datetime):
        return (found.date() - EPOCH).days
    if not FIRST_DAY <= found <= LAST_DAY:
        return (_from_milliseconds(found).date() - EPOCH).days
    if found != int(found):
        msg = "not a whole number of days"
        raise UnfitValueError(msg)
    return int(found)
