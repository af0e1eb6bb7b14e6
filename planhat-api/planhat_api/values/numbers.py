"""Reads numbers, also from texts."""

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
"""Numbers with at most so many digits before the point certainly fit into a double."""


def number(value: object) -> Number | None:
    """Read a number, or a text that contains one; None for a blank text.

    Raises:
        InvalidValueError: The value is not a number, or not a finite one.
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
    """The exact number in a text without spaces around it; None for a text that is not a number.

    Raises:
        InvalidValueError: The number is too large.
    """
    if len(text) < _FEW_DIGITS and text.isascii() and text.isdigit():
        return int(text)
    # Decimal accepts underscores and digits of all scripts, which are not numbers in other programs.
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
    # Check it before it becomes an integer, which would take minutes for `1e9999999`.
    if found.adjusted() > _SURE_EXPONENT:
        check_finite(found)
    whole = int(found)
    return whole if whole == found else found


def is_finite(value: Number) -> bool:
    """Whether a number fits into a double, perhaps with fewer digits."""
    try:
        return isfinite(value)
    except (OverflowError, ValueError):
        return False


def check_finite(value: Number) -> None:
    """Check that a number is finite and, unless it is an integer, fits into a double, as in Planhat's JSON.

    An integer of any size is accepted, because all its digits are sent.

    Raises:
        InvalidValueError: The number is not accepted.
    """
    if not isinstance(value, int) and not is_finite(value):
        raise InvalidValueError(_NOT_FINITE)
