"""Converts one value to the type that the schema gives its field.

Each converter returns the same object if it already has the type, else a converted value, else None.
``planhat_api.values`` decides what a value means. The tap is only more lenient: a value that cannot be read is no
error.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from planhat_api.values.booleans import boolean
from planhat_api.values.dates import epoch_day, moment
from planhat_api.values.invalid import InvalidValueError
from planhat_api.values.numbers import is_finite, number
from planhat_api.values.texts import key_text, referred

if TYPE_CHECKING:
    from collections.abc import Callable

    Converter = Callable[[object], object]

_IS_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII).fullmatch


def to_text(value: object) -> str | None:
    """A text; a number or boolean becomes its text, an object becomes its id or code (B36, B43)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        try:
            inner = referred(value)
        except InvalidValueError:
            return None
        return None if isinstance(inner, dict) else to_text(inner)
    return key_text(value)


def to_number(value: object) -> int | float | Decimal | None:
    """A number that fits into a double; a text that contains a number becomes that number (B44)."""
    if type(value) is float or type(value) is int:
        return value if is_finite(value) else None
    try:
        return _as_json(number(value), value)
    except InvalidValueError:
        return None


def to_boolean(value: object) -> bool | None:
    """A boolean; the usual texts and numbers for true and false become booleans."""
    try:
        return boolean(value)
    except InvalidValueError:
        return None


def to_moment(value: object) -> str | None:
    """A date with time in ISO 8601; milliseconds since 1970 and other spellings are rewritten in UTC (B40, B42)."""
    try:
        found = moment(value, any_number=True)
    except InvalidValueError:
        return None
    return value if isinstance(value, str) and _IS_RFC3339(value) else found


def to_epoch_day(value: object) -> int | float | Decimal | None:
    """Days since 1970-01-01; dates and milliseconds since 1970 become days (B41)."""
    try:
        found = epoch_day(value, fractions=True)
    except InvalidValueError:
        return None
    return _as_json(found, value)


def to_object(value: object) -> dict[str, Any] | None:
    """An object; no other value can become one."""
    return value if isinstance(value, dict) else None


def to_referring_object(value: object) -> dict[str, Any] | None:
    """An object in a list of references; a plain id becomes ``{"id": ...}``, as in Planhat's lists (B36)."""
    if isinstance(value, str) and value:
        return {"id": value}
    return to_object(value)


def to_array_of(item: Converter | None) -> Converter:
    """A converter for arrays that converts each item; a single value becomes an array with one item."""

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


def _as_json(found: float | Decimal | None, value: object) -> int | float | Decimal | None:
    """A number for JSON: a Decimal that was read from a text becomes a float."""
    return float(found) if isinstance(found, Decimal) and found is not value else found
