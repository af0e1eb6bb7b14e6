"""Reads texts and ids; a number in their place is written out."""

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
"""Where a reference or currency that came as an object keeps what a plain value would have been (B36)."""
_BITS_OF_MOST = 64


def text(value: object) -> str:
    """A text; numbers and dates are written out.

    Raises:
        InvalidValueError: It is anything else, or a number that is not finite.
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
    """An id as text (B43), without space around it; an empty text is no id.

    Raises:
        InvalidValueError: It can be no id.
    """
    return text(value).strip() or None


def key_text(value: object) -> str | None:
    """An id or key that Planhat answered with, as text (B43); None for what cannot be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return number_text(value)


def number_text(value: Number) -> str:
    """A number written out: 77 and 77.0 are one id, so a whole number has no point.

    Warehouses and JSON parsers make 77.0 of a column of whole numbers in which one is missing.
    """
    if type(value) is float:
        return str(int(value)) if value.is_integer() else str(value)
    if type(value) is int and value.bit_length() <= _BITS_OF_MOST:
        return str(value)
    if not is_finite(value):
        # Of a number of thousands of digits, only this tells the text.
        return str(Decimal(value))
    whole = int(value)
    return str(whole if whole == value else value)


def referred(value: object) -> object:
    """What a reference refers to: an object stands for the id, or the code of a currency, that it holds (B36).

    Raises:
        InvalidValueError: An object that holds neither.
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
