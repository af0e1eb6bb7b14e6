"""Keeps the framework's flattening from taking a schema's own keywords for columns."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["flatten_by_columns"]


class StreamMap(Protocol):
    """What the framework makes of each stream, as far as it matters here."""

    transformed_schema: dict[str, Any]

    @property
    def flattening_enabled(self) -> bool:
        """Whether records are to be flattened."""

    def flatten_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record without nested objects."""


def flatten_by_columns(maps: Iterable[StreamMap]) -> None:
    """Have stream maps flatten records by the columns of their schemas alone.

    To know the type of a column, the framework looks it up among the keywords of the schema. So a column
    ``description`` meets the description of the whole schema, and a text that holds the word "type" ends the run. A
    test tells when the framework no longer does so. Maps of another make are left as they are.
    """
    for made in maps:
        schema = getattr(made, "transformed_schema", None)
        if isinstance(schema, dict) and made.flattening_enabled:
            view = copy.copy(made)
            view.transformed_schema = {"properties": schema.get("properties", {})}
            made.flatten_record = view.flatten_record  # type: ignore[method-assign]
