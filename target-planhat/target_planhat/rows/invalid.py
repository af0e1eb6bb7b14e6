"""The errors of values that cannot become what a field holds."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, TypeAlias

__all__ = ["Json", "UnfitValueError", "check_finite", "form_of", "unfit"]

Json: TypeAlias = Any
"""A decoded JSON value, or an object a stream map made of one."""

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_LONGEST_FORM = 24


class UnfitValueError(ValueError):
    """A value that cannot become what the field holds. The text names types, never the value."""


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (int, float, Decimal)):
        return "a number"
    return "an array" if isinstance(value, list) else "an object"


def form_of(value: object) -> str:
    """How a text or number looks, for a message: 9 for each digit, one `a` for letters in a row.

    What it says stays out of logs: it may be somebody's data.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return ""
    # A whole number of thousands of digits has no text by itself.
    number = Decimal(value) if isinstance(value, int) else value
    shown = value[: 4 * _LONGEST_FORM] if isinstance(value, str) else str(number)
    form = _DIGIT.sub("9", _LETTERS.sub("a", shown))
    return f" (its form: {form!r})" if len(form) <= _LONGEST_FORM else f" (its form: {form[:_LONGEST_FORM]!r}…)"


def unfit(value: object, wanted: str) -> UnfitValueError:
    """The error of a value of the wrong type."""
    return UnfitValueError(f"{_json_type(value)} is not {wanted}")


def check_finite(value: float | Decimal) -> None:
    """Refuse what is no number, and what is too large for the numbers of JSON as Planhat reads them."""
    if isinstance(value, int):
        return
    if (isinstance(value, Decimal) and value.is_nan()) or not math.isfinite(value):
        msg = "not a finite number"
        raise UnfitValueError(msg)
