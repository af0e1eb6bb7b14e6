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
"""What databases and spreadsheets write for true and false."""


def boolean(value: object) -> bool | None:
    """A boolean, or the one that a word or a number stands for; None for a blank text.

    Raises:
        InvalidValueError: It stands for none.
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
