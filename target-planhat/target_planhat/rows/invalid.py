"""What a value looks like, for messages that must not show it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, TypeAlias

__all__ = ["Json", "form_of"]

Json: TypeAlias = Any
"""A decoded JSON value, or an object a stream map made of one."""

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_LONGEST_FORM = 24


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
