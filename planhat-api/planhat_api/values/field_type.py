"""Describes the type of a field in Planhat, by which a target converts values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FieldType", "never"]


def never(value: object) -> bool:
    """Always False: each value needs `convert`."""
    del value
    return False


@dataclass(frozen=True)
class FieldType:
    """The type of a field.

    Attributes:
        name: Name for messages.
        passes: msgspec type of the values that `convert` returns unchanged.
        quick: A simpler msgspec type, which is checked faster and needs `keeps` in addition; None if `passes` is fast.
        keeps: Whether `convert` returns a value of type `quick` unchanged. It may be False in doubt.
        keeps_all: The same for many values at once.
        json: JSON type of the values in `passes`; empty for any.
        item_json: JSON type of the items of an array.
        convert: Converts any other value, or raises InvalidValueError. It is not called with None. It returns None
            for null.
        takes: JSON types with which a column may be declared.
    """

    name: str
    passes: Any
    convert: Callable[[Any], Any]
    takes: frozenset[str]
    quick: Any = None
    keeps: Callable[[str], object] = bool
    keeps_all: Callable[[list[str]], bool] = never
    json: str = "string"
    item_json: str = "object"
