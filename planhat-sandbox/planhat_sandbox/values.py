"""Converts a value to its stored form (B40 to B54)."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from planhat_sandbox.clock import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.switches import Switches

    Schema = Mapping[str, Value]

__all__ = ["DROPPED", "InvalidValueError", "custom_changes", "is_day", "written"]

# Means that the server drops a value without an error.
DROPPED = object()

_LARGEST_DAY = 200_000
# Characters of a value in an error text.
_SHOWN = 40
_RICH_TEXT = frozenset({"description"})
_TIME_OF_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2})(:\d{2})?(\.\d+)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class InvalidValueError(ValueError):
    """The value is invalid for its field; the text names the field."""


def _invalid(name: str, value: Value, kind: str) -> InvalidValueError:
    shown = str(value)
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    return InvalidValueError(f'Cast to {kind} failed for value "{shown}" at path "{name}"')


def is_day(value: Value) -> bool:
    """Whether a value is a date without a time of day."""
    return isinstance(value, str) and _DAY.fullmatch(value) is not None


def written(name: str, value: Value, schema: Schema, switches: Switches) -> Value:
    """The stored form of a value, or DROPPED.

    Raises:
        InvalidValueError: The value is invalid for its field.
    """
    if value is None:
        return None if switches["null_standard"] == "clears" else DROPPED
    form = schema.get("format") or schema.get("type")
    return _WRITERS.get(str(form), _as_it_is)(name, value, switches)


def _as_it_is(_name: str, value: Value, _: Switches) -> Value:
    return value


def _text(name: str, value: Value, _: Switches) -> Value:
    if isinstance(value, (dict, list)):
        raise _invalid(name, value, "string")
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    return text.replace("\r", "").replace("\n", "") if name in _RICH_TEXT else text


def _number(name: str, value: Value, _: Switches) -> Value:
    if _is_number(value):
        return value
    if value == "":
        return DROPPED
    try:
        return _parsed(value)
    except (TypeError, ValueError) as error:
        raise _invalid(name, value, "Number") from error


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _parsed(value: Value) -> Value:
    if not isinstance(value, str):
        raise TypeError
    number = float(value)
    return int(number) if number.is_integer() else number


def _flag(name: str, value: Value, _: Switches) -> Value:
    known = {"true": True, "false": False, "1": True, "0": False}
    text = str(value).casefold() if isinstance(value, (str, int)) else ""
    if text not in known:
        raise _invalid(name, value, "Boolean")
    return known[text]


def _array(name: str, value: Value, _: Switches) -> Value:
    if not isinstance(value, list):
        raise _invalid(name, value, "Array")
    return value


def _object(name: str, value: Value, _: Switches) -> Value:
    if not isinstance(value, dict):
        raise _invalid(name, value, "Object")
    return value


def _moment(name: str, value: Value, _: Switches) -> Value:
    if value == "":
        return DROPPED
    try:
        return iso(_read_moment(value))
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise _invalid(name, value, "Date") from error


def _read_moment(value: Value) -> datetime:
    if _is_number(value):
        return datetime.fromtimestamp(value / 1000, timezone.utc)
    if not isinstance(value, str):
        raise TypeError
    if is_day(value):
        return datetime.fromisoformat(value).replace(tzinfo=timezone.utc)
    match = _TIME_OF_DAY.match(value)
    if match is None:
        raise ValueError
    day, minutes, seconds, fraction, zone = match.groups()
    zone = "+00:00" if zone in {None, "Z"} else zone
    zone = zone if ":" in zone else f"{zone[:3]}:{zone[3:] or '00'}"
    digits = (fraction or ".0")[1:7].ljust(6, "0")
    return datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}.{digits}{zone}").astimezone(timezone.utc)


def _epoch_day(name: str, value: Value, switches: Switches) -> Value:
    if value == "":
        return DROPPED
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, str) and switches["iso_for_epoch_day"] == "ignored":
        return DROPPED
    if _is_number(value) and abs(value) <= _LARGEST_DAY and value == int(value):
        return int(value)
    raise _invalid(name, value, "Number")


_WRITERS: dict[str, Callable[[str, Value, Switches], Value]] = {
    "string": _text,
    "number": _number,
    "boolean": _flag,
    "array": _array,
    "object": _object,
    "date-time": _moment,
    "epoch-day": _epoch_day,
}


def _rich_text(name: str, value: Value, switches: Switches) -> Value:
    text = _text(name, value, switches)
    return text.replace("\r", "").replace("\n", "")


_CUSTOM_WRITERS: dict[str, Callable[[str, Value, Switches], Value]] = {
    "number": _number,
    "rating": _number,
    "text": _text,
    "rich text": _rich_text,
    "checkbox": _flag,
    "day": _epoch_day,
    "date": _moment,
    "list": _text,
    "multipicklist": _array,
    "team member": _text,
    "team members": _array,
    "enduser": _text,
    "endusers": _array,
    "phone": _text,
    "email": _text,
    "url": _text,
}


def custom_changes(item: Row, before: Row, fields: Mapping[str, Row], switches: Switches) -> Row:
    """The custom values an item changes, nested or as dotted keys (B48), as they are stored.

    Raises:
        InvalidValueError: A value does not fit its field, or two names differ only in case (B51).
    """
    nested = {} if item.get("custom") is None else _object("custom", item["custom"], switches)
    sent = {str(name): value for name, value in nested.items()}
    sent |= {name.removeprefix("custom."): value for name, value in item.items() if name.startswith("custom.")}
    folded: dict[str, str] = {}
    for name in sent:
        if folded.setdefault(name.casefold(), name) != name:
            text = f'custom: "{folded[name.casefold()]}" and "{name}" are duplicated'
            raise InvalidValueError(text)
    changes = {
        name: _custom_value(name, value, fields.get(name), switches)
        for name, value in sent.items()
        if name not in before or before[name] != value
    }
    return {
        name: value
        for name, value in changes.items()
        if value is not DROPPED and not _same_stored(fields.get(name), before.get(name), value, switches)
    }


def _same_stored(field: Row | None, before: Value, after: Value, switches: Switches) -> bool:
    """Whether the stored value already says the same in another form."""
    kind = None if field is None else field.get("type")
    if kind == "multipicklist" and switches["multipicklist_order"] == "ignored":
        return _same_picks(before, after)
    return kind == "date" and _same_moment(before, after)


def _same_picks(before: Value, after: Value) -> bool:
    """Whether two lists have the same entries in any order (Q27)."""
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return False
    rest = list(before)
    for pick in after:
        if pick not in rest:
            return False
        rest.remove(pick)
    return True


def _same_moment(before: Value, after: Value) -> bool:
    """Whether two dates are the same time in different spellings: some are stored with +0000 in place of Z."""
    try:
        return bool(iso(_read_moment(before)) == after)
    except (TypeError, ValueError, OverflowError, OSError):
        return False


def _custom_value(name: str, value: Value, field: Row | None, switches: Switches) -> Value:
    if value is None or field is None:
        return value
    if field.get("isFormula"):
        return DROPPED
    kind = str(field.get("type"))
    if value == "" and kind in {"number", "rating", "day", "checkbox"}:
        return ""
    return _CUSTOM_WRITERS.get(kind, _as_it_is)(f"custom.{name}", value, switches)
