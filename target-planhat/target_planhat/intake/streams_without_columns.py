"""Finds the columns of streams whose SCHEMA names no columns: the first record names them.

Some taps for databases without fixed columns send the SCHEMA `{}` or `{"type": "object"}`. Such a SCHEMA waits for a
record with members. Records before it wait, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_planhat.intake.messages import SchemaMessage

if TYPE_CHECKING:
    from target_planhat.intake.messages import RecordMessage

__all__ = ["StreamsWithoutColumns"]


class StreamsWithoutColumns:
    """The streams of a run whose columns are not known yet.

    Attributes:
        waiting_records: Records that came before a record with members, in their order.
    """

    def __init__(self) -> None:
        """Start without streams."""
        self.waiting_records: list[RecordMessage] = []
        self._waiting: dict[str, SchemaMessage] = {}
        self._declared: dict[str, SchemaMessage] = {}

    def __contains__(self, stream: str) -> bool:
        """Whether the SCHEMA of a stream waits for its first record."""
        return stream in self._waiting

    def hold(self, message: SchemaMessage) -> bool:
        """Keep a SCHEMA if it names no columns. Return whether it does not."""
        stream = message.stream
        known = self._declared.get(stream)
        if message.schema.get("properties"):
            self._waiting.pop(stream, None)
            self._declared.pop(stream, None)
            return False
        if known is None or not known.is_equal_to(message):
            self._waiting[stream] = message
        return True

    def schema_with_columns_of(self, message: RecordMessage) -> SchemaMessage | None:
        """The SCHEMA with the columns of a record; None if the record has no members, so that it waits, too."""
        if message.fault is not None or not message.record:
            self.waiting_records.append(message)
            return None
        schema = self._declared[message.stream] = self._waiting.pop(message.stream)
        columns: dict[str, Any] = {name: {} for name in (*(schema.key_properties or ()), *message.record)}
        return SchemaMessage(schema.stream, {**schema.schema, "properties": columns}, schema.key_properties)

    def take_records(self, stream: str) -> list[RecordMessage]:
        """Remove and return the waiting records of a stream whose columns are now known."""
        records = [message for message in self.waiting_records if message.stream == stream]
        self.waiting_records = [message for message in self.waiting_records if message.stream != stream]
        return records
