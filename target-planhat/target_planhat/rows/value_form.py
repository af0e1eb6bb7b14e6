"""Describes the form of a value for messages that must not contain the value."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, TypeAlias

__all__ = ["Json", "form_of"]

Json: TypeAlias = Any
"""A decoded JSON value, or an object that a stream map made."""

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_LONGEST_FORM = 24


def form_of(value: object) -> str:
    """The form of a text or number: each digit becomes 9, and consecutive letters become one `a`.

    The value itself must not be logged, because it may be personal data.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return ""
    # Python does not convert an integer with thousands of digits to a text.
    number = Decimal(value) if isinstance(value, int) else value
    shown = value[: 4 * _LONGEST_FORM] if isinstance(value, str) else str(number)
    form = _DIGIT.sub("9", _LETTERS.sub("a", shown))
    return f" (its form: {form!r})" if len(form) <= _LONGEST_FORM else f" (its form: {form[:_LONGEST_FORM]!r}…)"
