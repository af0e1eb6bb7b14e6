"""Reads dates as warehouses write them and writes them as Planhat wants them: ISO 8601, or days since 1970."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from target_planhat.unfit import UnfitValueError, unfit

if TYPE_CHECKING:
    from target_planhat.unfit import Json

__all__ = ["CANONICAL", "MILLISECONDS_FROM", "are_canonical", "date_time", "epoch_day", "is_canonical"]

EPOCH = date(1970, 1, 1)

# The form that needs no change; 29 February of a year that ends in 00 is left to the slow check.
_LEAP_DAY = r"[0-9]{2}(?:0[48]|[2468][048]|[13579][26])-02-29"
_OTHER_DAY = (
    r"(?!0000)[0-9]{4}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_MOMENT = rf"(?:{_OTHER_DAY}|{_LEAP_DAY})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{{3}}Z"
CANONICAL = f"^{_MOMENT}$"
_FRACTION = re.compile(r"(\.\d+)")
_COMPACT_ZONE = re.compile(r"[+-]\d{4}$")
_ARE_CANONICAL = re.compile(f"(?:{_MOMENT}~)*").fullmatch

is_canonical = re.compile(_MOMENT).fullmatch
"""Whether a text is a date in the form that needs no change."""


def are_canonical(texts: list[str]) -> bool:
    """Whether all texts are dates in the form that needs no change."""
    return _ARE_CANONICAL("~".join([*set(texts), ""])) is not None


def _moment(text: str) -> datetime:
    """Parse ISO 8601 as warehouses write it. No zone means UTC."""
    text = text.strip().replace(" ", "T", 1)
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    if _COMPACT_ZONE.search(text):
        text = f"{text[:-2]}:{text[-2:]}"
    # Python 3.10 reads three or six digits only.
    text = _FRACTION.sub(lambda found: found.group(1)[:7].ljust(7, "0"), text, count=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        msg = "a text that is not an ISO 8601 date"
        raise UnfitValueError(msg) from err
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as err:
        msg = "a date out of range"
        raise UnfitValueError(msg) from err


MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds since 1970 (1973 and later); smaller ones could be seconds or days."""


def _from_milliseconds(value: float | Decimal) -> datetime:
    if not math.isfinite(value) or value < MILLISECONDS_FROM:
        msg = "a number that is not milliseconds since 1970"
        raise UnfitValueError(msg)
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=float(value))
    except OverflowError as err:
        msg = "a date out of range"
        raise UnfitValueError(msg) from err


def _any_moment(value: Json) -> datetime:
    if isinstance(value, str):
        return _moment(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _from_milliseconds(value)
    raise unfit(value, "a date")


def date_time(value: Json) -> str | None:
    """ISO 8601 in UTC with milliseconds (B40)."""
    if isinstance(value, str):
        if is_canonical(value):
            return value
        if not value.strip():
            return None
    return _in_utc(_any_moment(value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_day(value: Json) -> int | None:
    """Whole days since 1970-01-01 (B41). A date with a zone counts as the day it shows."""
    if isinstance(value, str):
        if not value.strip():
            return None
        if value.strip().lstrip("-").isdigit():
            return int(value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        if not math.isfinite(value):
            msg = "not a finite number"
            raise UnfitValueError(msg)
        if value < MILLISECONDS_FROM:
            if value != int(value):
                msg = "not a whole number of days"
                raise UnfitValueError(msg)
            return int(value)
    return (_any_moment(value).date() - EPOCH).days
