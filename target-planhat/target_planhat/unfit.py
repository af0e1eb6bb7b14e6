"""The errors of values that cannot become what a field holds."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, TypeAlias

__all__ = ["Json", "UnfitValueError", "check_finite", "unfit"]

Json: TypeAlias = Any
"""A decoded JSON value, or an object a stream map made of one."""


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
