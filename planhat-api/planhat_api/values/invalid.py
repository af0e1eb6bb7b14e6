"""The error for an invalid value."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["InvalidValueError", "invalid"]


class InvalidValueError(ValueError):
    """A value is invalid for its field. The message names types, and never contains the value."""


def invalid(value: object, wanted: str) -> InvalidValueError:
    """The error for a value of the wrong JSON type."""
    return InvalidValueError(f"{_json_type(value)} is not {wanted}")


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (int, float, Decimal)):
        return "a number"
    return "an array" if isinstance(value, list) else "an object"
