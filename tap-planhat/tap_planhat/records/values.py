"""Converts one value to the one type its field announces.

Each converter hands back the very object it got when that already has the type, else a converted value, else None.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Converter = Callable[[object], object]

_ID_KEYS = ("_id", "id", "code")
"""Where a reference or currency that came as an object keeps what a plain value would have been (B36)."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_LOOSE_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"([Tt ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?"
    r" ?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_EPOCH_MILLISECONDS = re.compile(r"-?\d{10,14}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND_DIGITS = 6


def to_text(value: object) -> str | None:
    """Text; a number is written out, an object stands for its id or code (B36, B43)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, dict):
        inner = next((value[key] for key in _ID_KEYS if value.get(key) is not None), None)
        return None if isinstance(inner, (dict, list)) else to_text(inner)
    return None


def to_number(value: object) -> int | float | Decimal | None:
    """A number a double can hold; text is read as a number when it is one (B44)."""
    if isinstance(value, str):
        return _number_in(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return value if _fits_double(value) else None


def to_boolean(value: object) -> bool | None:
    """A boolean; its usual spellings as text or number are read as such."""
    if isinstance(value, bool):
        return value
    spelled = value.strip().lower() if isinstance(value, str) else value
    if isinstance(spelled, (str, int, float)):
        return {"true": True, "1": True, 1: True, "false": False, "0": False, 0: False}.get(spelled)
    return None


def to_moment(value: object) -> str | None:
    """An ISO 8601 moment; milliseconds since 1970 and looser spellings are rewritten in UTC (B40, B42)."""
    if isinstance(value, str):
        if _RFC3339.fullmatch(value) and _moment_in(value):
            return value
        if _EPOCH_MILLISECONDS.fullmatch(value):
            return _written(_moment_after(int(value)))
        return _written(_moment_in(value.strip()))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _fits_double(value):
        return None
    return _written(_moment_after(value))


def to_epoch_day(value: object) -> int | float | Decimal | None:
    """Days since 1970-01-01; an ISO date is counted (B41)."""
    number = to_number(value)
    if number is not None or not isinstance(value, str):
        return number
    moment = _moment_in(value.strip())
    return (moment - _EPOCH).days if moment else None


def to_object(value: object) -> dict[str, Any] | None:
    """An object; nothing else can be read as one."""
    return value if isinstance(value, dict) else None


def to_referring_object(value: object) -> dict[str, Any] | None:
    """An object in a list of references; a plain id becomes ``{"id": ...}``, the form lists use (B36)."""
    if isinstance(value, str) and value:
        return {"id": value}
    return to_object(value)


def to_array_of(item: Converter | None) -> Converter:
    """Converter of arrays whose items the given converter takes; a single value becomes an array of one."""

    def to_array(value: object) -> list[Any] | None:
        if not isinstance(value, list):
            if item is None or value == "":
                return None
            single = item(value)
            return None if single is None else [single]
        if item is None:
            return value
        converted = [entry if entry is None else item(entry) for entry in value]
        return value if all(new is old for new, old in zip(converted, value, strict=True)) else converted

    return to_array


def _fits_double(number: float | Decimal) -> bool:
    try:
        return isfinite(float(number))
    except OverflowError:
        return False


def _number_in(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not _fits_double(number):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(number)


def _moment_after(milliseconds: float) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _moment_in(text: str) -> datetime | None:
    """The moment a text tells, in UTC; a time without a zone is UTC (B40)."""
    if not (match := _LOOSE_MOMENT.fullmatch(text)):
        return None
    fraction = (match["fraction"] or "")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")
    try:
        hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
        clock = time(hour, minute, second, int(fraction), _zone_in(match["zone"] or "Z"))
        local = datetime.combine(date.fromisoformat(match["day"]), clock)
        return local.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _zone_in(text: str) -> timezone:
    if text in "Zz":
        return timezone.utc
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _written(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
