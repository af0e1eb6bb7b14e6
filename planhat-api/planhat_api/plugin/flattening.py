"""Prevents the SDK's flattening from confusing keywords of a schema with columns."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["flatten_by_columns"]


class StreamMap(Protocol):
    """The parts of the SDK's stream maps that are used here."""

    transformed_schema: dict[str, Any]

    @property
    def flattening_enabled(self) -> bool:
        """Whether records are flattened."""

    def flatten_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record without nested objects."""


def flatten_by_columns(maps: Iterable[StreamMap]) -> None:
    """Make stream maps flatten records by the columns of their schemas only.

    The SDK looks up the type of a column among the keywords of the schema. So for a column ``description`` it finds the
    description of the whole schema, and if that text contains the word "type", the run ends with an error. A test fails
    when the SDK no longer does this. Stream maps of other classes are not changed.
    """
    for made in maps:
        schema = getattr(made, "transformed_schema", None)
        if isinstance(schema, dict) and made.flattening_enabled:
            view = copy.copy(made)
            view.transformed_schema = {"properties": schema.get("properties", {})}
            made.flatten_record = view.flatten_record  # type: ignore[method-assign]
