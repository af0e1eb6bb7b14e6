"""Reads texts and ids, also from numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from planhat_api.values.invalid import InvalidValueError, invalid
from planhat_api.values.numbers import check_finite, is_finite

if TYPE_CHECKING:
    from planhat_api.values.numbers import Number

__all__ = ["id_text", "key_text", "number_text", "referred", "text"]

_ID_NAMES = ("_id", "id", "code")
"""Fields of an object that contain its id or code, if a reference or currency is an object (B36)."""
_BITS_OF_MOST = 64


def text(value: object) -> str:
    """Read a text; numbers and dates become texts.

    Raises:
        InvalidValueError: The value is something else, or a number that is not finite.
    """
    if isinstance(value, str):
        return value
    if type(value) is int:
        return number_text(value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        check_finite(value)
        return number_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise invalid(value, "a text")


def id_text(value: object) -> str | None:
    """Read an id as text (B43), without spaces around it; an empty text is not an id.

    Raises:
        InvalidValueError: The value cannot be an id.
    """
    return text(value).strip() or None


def key_text(value: object) -> str | None:
    """An id or key from an answer as text (B43); None for a value that cannot be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return number_text(value)


def number_text(value: Number) -> str:
    """The text of a number. 77 and 77.0 are the same id, so a whole number has no decimal point.

    Warehouses and JSON parsers turn 77 into 77.0 if a column of integers contains a null.
    """
    if type(value) is float:
        return str(int(value)) if value.is_integer() else str(value)
    if type(value) is int and value.bit_length() <= _BITS_OF_MOST:
        return str(value)
    if not is_finite(value):
        # For numbers with thousands of digits, only Decimal can make the text.
        return str(Decimal(value))
    whole = int(value)
    return str(whole if whole == value else value)


def referred(value: object) -> object:
    """The value of a reference: from an object, the id or the code of a currency in it (B36).

    Raises:
        InvalidValueError: The object has neither.
    """
    if not isinstance(value, dict):
        return value
    if planhat_id := value.get(_ID_NAMES[0]):
        return planhat_id
    known = [value[name] for name in _ID_NAMES if name in value]
    if not known:
        msg = "an object without an id"
        raise InvalidValueError(msg)
    return next((inner for inner in known if inner is not None and inner != ""), None)
