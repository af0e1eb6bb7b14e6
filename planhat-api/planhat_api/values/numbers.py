"""Reads numbers, and texts that hold one."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import TypeAlias

from planhat_api.values.invalid import InvalidValueError, invalid

__all__ = ["Number", "check_finite", "is_finite", "number", "number_in"]

Number: TypeAlias = int | float | Decimal

_IS_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII).fullmatch
_IS_NO_FINITE_NUMBER = re.compile(r"[+-]?(?:inf(?:inity)?|s?nan)", re.IGNORECASE | re.ASCII).fullmatch
_BEGINS_NUMBER = frozenset("+-.0123456789")
_NOT_FINITE = "not a finite number"
_FEW_DIGITS = 20
_SURE_EXPONENT = 307
"""Numbers of so many digits before the point are finite for sure."""


def number(value: object) -> Number | None:
    """A number, or the number that a text holds; None for a blank text.

    Raises:
        InvalidValueError: It is no number, or not a finite one.
    """
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        found = number_in(text)
        if found is None:
            raise InvalidValueError(_NOT_FINITE if _IS_NO_FINITE_NUMBER(text) else "a text that is not a number")
        return found
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise invalid(value, "a number")
    if type(value) is not int:
        check_finite(value)
    return value


def number_in(text: str) -> int | Decimal | None:
    """The number that a text without blanks around it holds, exactly; None for a text that is none.

    Raises:
        InvalidValueError: It is too large.
    """
    if len(text) < _FEW_DIGITS and text.isascii() and text.isdigit():
        return int(text)
    # Decimal takes underscores and digits of all scripts, which nothing but Python writes.
    if text[0] not in _BEGINS_NUMBER or not text.isascii() or "_" in text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation as err:
        if _IS_NUMBER(text):
            raise InvalidValueError(_NOT_FINITE) from err
        return None
    if not found.is_finite():
        return None
    # Before it is made a whole number: `1e9999999` would take minutes.
    if found.adjusted() > _SURE_EXPONENT:
        check_finite(found)
    whole = int(found)
    return whole if whole == found else found


def is_finite(value: Number) -> bool:
    """Whether a double can hold a number, if not to the last digit."""
    try:
        return isfinite(value)
    except (OverflowError, ValueError):
        return False


def check_finite(value: Number) -> None:
    """Refuse what is no number, and decimals that are too large for the numbers of JSON as Planhat reads them.

    A whole number of any size passes: all its digits are sent.

    Raises:
        InvalidValueError: It is refused.
    """
    if not isinstance(value, int) and not is_finite(value):
        raise InvalidValueError(_NOT_FINITE)
