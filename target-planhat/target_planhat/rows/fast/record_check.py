"""Checks records that are still bytes against what their schema says beyond types."""

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
"""Keywords of the schema of a stream that the generated types heed: they take no column that it does not declare."""

_typed_dict: Any = TypedDict
"""Makes a type whose names are known only when a SCHEMA comes."""


class RecordCheck:
    """Checks records against the parts of a schema that are no types: enum, pattern, minimum and all others."""

    def __init__(self, schema: Mapping[str, Any], columns: Collection[str]) -> None:
        """Compile those parts.

        Args:
            schema: The schema of the stream.
            columns: The columns whose types take more than the schema allows.

        Raises:
            NoTypeError: A column has a name that no generated class can carry.
        """
        looked_at: JsonType = dict[str, Any]
        whole = RecordSchema(dict(schema))
        checked = whole.of_columns(columns) if _says_no_more(schema) else None
        if checked is not None:
            # No more than these columns is decoded, which takes a fraction of the time.
            looked_at = _typed_dict("Columns", dict.fromkeys(columns, Any), total=False)
        self._violation = (checked or whole).violation
        message = struct("CheckedMessage", [("record", looked_at)], {}, strict=False)
        self._decode: Decode = msgspec.json.Decoder(message).decode

    @classmethod
    def of(cls, schema: Mapping[str, Any], columns: Collection[str]) -> RecordCheck | None:
        """The check of a stream; None when its types say all that its schema says."""
        return cls(schema, columns) if columns or not _says_no_more(schema) else None

    def fitting(self, lines: Sequence[bytes]) -> int:
        """How many RECORD messages from the first hold a record that fits.

        Args:
            lines: Messages that the generated types of the stream have taken.
        """
        for place, line in enumerate(lines):
            if self._violation(self._decode(line).record) is not None:
                return place
        return len(lines)


def _says_no_more(schema: Mapping[str, Any]) -> bool:
    """Whether the schema of a stream says nothing of a record beside its columns, and that it is an object."""
    types = schema.get("type", "object")
    return set(schema) <= _SAYS_NO_MORE and "object" in ([types] if isinstance(types, str) else types)
