"""The error of a value that cannot be what it has to be."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["InvalidValueError", "invalid"]


class InvalidValueError(ValueError):
    """A value that cannot be read as what it has to be. The text names types, never the value."""


def invalid(value: object, wanted: str) -> InvalidValueError:
    """The error of a value of the wrong JSON type."""
    return InvalidValueError(f"{_json_type(value)} is not {wanted}")


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (int, float, Decimal)):
        return "a number"
    return "an array" if isinstance(value, list) else "an object"
