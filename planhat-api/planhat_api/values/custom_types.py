"""Knows the types of custom fields (B47)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CustomType", "Holds", "custom_type"]


class Holds(Enum):
    """The kind of values in a field."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DAY = "day"
    DATE = "date"
    REFERENCE = "reference"
    REFERENCES = "references"


@dataclass(frozen=True)
class CustomType:
    """A type of custom fields.

    Attributes:
        name: The name in Planhat.
        holds: The kind of values in its fields.
        note: Describes the values; empty if the name is clear enough.
    """

    name: str
    holds: Holds
    note: str = ""


_TYPES: Mapping[str, CustomType] = {
    each.name: each
    for each in (
        CustomType("number", Holds.NUMBER),
        CustomType("rating", Holds.NUMBER),
        CustomType("checkbox", Holds.BOOLEAN),
        CustomType("day", Holds.DAY, "days since 1970-01-01"),
        CustomType("date", Holds.DATE),
        CustomType("text", Holds.TEXT),
        CustomType("rich text", Holds.TEXT, "HTML"),
        CustomType("list", Holds.TEXT),
        CustomType("phone", Holds.TEXT),
        CustomType("email", Holds.TEXT),
        CustomType("url", Holds.TEXT),
        CustomType("multipicklist", Holds.TEXTS),
        CustomType("team member", Holds.REFERENCE, "user id"),
        CustomType("enduser", Holds.REFERENCE, "enduser id"),
        CustomType("team members", Holds.REFERENCES, "user ids"),
        CustomType("endusers", Holds.REFERENCES, "enduser ids"),
    )
}


def custom_type(name: object) -> CustomType | None:
    """The type with this name, in upper or lower case; None for an unknown type."""
    return _TYPES.get(name.strip().lower()) if isinstance(name, str) else None
