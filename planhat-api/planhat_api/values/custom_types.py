"""The types of custom fields, and what fields of each type hold (B47)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CustomType", "Holds", "custom_type"]


class Holds(Enum):
    """What a field holds."""

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
        name: As Planhat writes it.
        holds: What its fields hold.
        note: What the values are, for people; empty when the name says it.
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
    """The type of this name, in any case; None for one that is not known here."""
    return _TYPES.get(name.strip().lower()) if isinstance(name, str) else None
