"""Reads booleans."""

from __future__ import annotations

from decimal import Decimal

from planhat_api.values.invalid import invalid
from planhat_api.values.texts import number_text

__all__ = ["boolean"]

_WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
"""Words for true and false in databases and spreadsheets."""


def boolean(value: object) -> bool | None:
    """Read a boolean, or a word or number that means true or false; None for a blank text.

    Raises:
        InvalidValueError: The value means neither true nor false.
    """
    if isinstance(value, bool):
        return value
    word = None
    if isinstance(value, str):
        word = value.strip().lower()
        if not word:
            return None
    elif isinstance(value, (int, float, Decimal)):
        word = number_text(value)
    found = None if word is None else _WORDS.get(word)
    if found is None:
        raise invalid(value, "true or false")
    return found
