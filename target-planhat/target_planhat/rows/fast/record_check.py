"""Checks records that are still bytes against the parts of their schema that are not types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from target_planhat.rows.fast.schema_types import struct
from target_planhat.rows.record_schema import RecordSchema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_planhat.rows.fast.schema_types import Decode, JsonType

__all__ = ["RecordCheck"]

_SAYS_NO_MORE = frozenset(
    {"$schema", "$comment", "type", "title", "description", "properties", "additionalProperties", "required"}
)
"""Keywords of the schema of a stream that the generated types cover. They accept no undeclared column."""

_typed_dict: Any = TypedDict
"""Creates a type whose names are known only when a SCHEMA comes."""


class RecordCheck:
    """Checks records against the parts of a schema that are not types, such as enum, pattern and minimum."""

    def __init__(self, schema: Mapping[str, Any], columns: Collection[str]) -> None:
        """Compile those parts.

        Args:
            schema: The schema of the stream.
            columns: The columns whose types accept more than the schema allows.

        Raises:
            NoTypeError: A column has a name that is not possible in a generated class.
        """
        looked_at: JsonType = dict[str, Any]
        whole = RecordSchema(dict(schema))
        checked = whole.of_columns(columns) if _says_no_more(schema) else None
        if checked is not None:
            # Only these columns are decoded, which is much faster.
            looked_at = _typed_dict("Columns", dict.fromkeys(columns, Any), total=False)
        self._violation = (checked or whole).violation
        message = struct("CheckedMessage", [("record", looked_at)], {}, strict=False)
        self._decode: Decode = msgspec.json.Decoder(message).decode

    @classmethod
    def of(cls, schema: Mapping[str, Any], columns: Collection[str]) -> RecordCheck | None:
        """The check of a stream; None if its types cover its whole schema."""
        return cls(schema, columns) if columns or not _says_no_more(schema) else None

    def fitting(self, lines: Sequence[bytes]) -> int:
        """Number of RECORD messages before the first record that does not fit.

        Args:
            lines: Messages that the generated types of the stream accept.
        """
        for place, line in enumerate(lines):
            if self._violation(self._decode(line).record) is not None:
                return place
        return len(lines)


def _says_no_more(schema: Mapping[str, Any]) -> bool:
    """Whether the schema of a stream describes only its columns."""
    types = schema.get("type", "object")
    return set(schema) <= _SAYS_NO_MORE and "object" in ([types] if isinstance(types, str) else types)
