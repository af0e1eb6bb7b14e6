"""Streams whose SCHEMA names no columns: the first record names them.

Some taps of databases without columns announce `{}` or `{"type": "object"}`. Their SCHEMA waits for a record with
members. What stands before that one waits with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_planhat.intake.messages import SchemaMessage

if TYPE_CHECKING:
    from target_planhat.intake.messages import RecordMessage

__all__ = ["UndeclaredStreams"]


class UndeclaredStreams:
    """The streams of a run whose columns are not known yet.

    Attributes:
        early: Lines of such streams that came before a record with members, in their order.
    """

    def __init__(self) -> None:
        """None so far."""
        self.early: list[RecordMessage] = []
        self._waiting: dict[str, SchemaMessage] = {}
        self._declared: dict[str, SchemaMessage] = {}

    def __contains__(self, stream: str) -> bool:
        """Whether the SCHEMA of a stream waits for its first record."""
        return stream in self._waiting

    def hold(self, message: SchemaMessage) -> bool:
        """Look at a SCHEMA; whether it names no columns, and there is nothing to do for now."""
        stream = message.stream
        known = self._declared.get(stream)
        if message.schema.get("properties"):
            self._waiting.pop(stream, None)
            self._declared.pop(stream, None)
            return False
        if known is None or not known.says_the_same(message):
            self._waiting[stream] = message
        return True

    def declared_by(self, message: RecordMessage) -> SchemaMessage | None:
        """The SCHEMA with the columns of a record; None if it names none, and waits as well."""
        if message.fault is not None or not message.record:
            self.early.append(message)
            return None
        schema = self._declared[message.stream] = self._waiting.pop(message.stream)
        columns: dict[str, Any] = {name: {} for name in (*(schema.key_properties or ()), *message.record)}
        return SchemaMessage(schema.stream, {**schema.schema, "properties": columns}, schema.key_properties)

    def take_early(self, stream: str) -> list[RecordMessage]:
        """The early lines of a stream that is declared by now."""
        taken = [message for message in self.early if message.stream == stream]
        self.early = [message for message in self.early if message.stream != stream]
        return taken
