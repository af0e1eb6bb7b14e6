"""A stream as its SCHEMA declares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_planhat.errors import InputError
from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.record_schema import RecordSchema, SchemaFaultError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_planhat.record_line import Expectation

__all__ = ["DeclaredStream"]


@dataclass(frozen=True)
class DeclaredStream:
    """A stream as its SCHEMA declares it, after stream maps.

    Attributes:
        name: Its name.
        input_stream: The stream of its records in the input.
        schema: Its schema.
        keys: Its key columns.
        record_schema: The compiled schema.
    """

    name: str
    input_stream: str
    schema: Mapping[str, Any]
    keys: tuple[str, ...]
    record_schema: RecordSchema

    @classmethod
    def of(cls, name: str, input_stream: str, schema: Mapping[str, Any], keys: tuple[str, ...]) -> DeclaredStream:
        """The stream that a SCHEMA declares.

        Raises:
            InputError: The schema is not JSON Schema.
        """
        try:
            return cls(name, input_stream, schema, keys, RecordSchema(schema))
        except SchemaFaultError as err:
            msg = f"stream {name!r}: {err}"
            raise InputError(msg) from err

    def check_keys(self, record: Mapping[str, Any]) -> None:
        """Check that a record has its key columns.

        Raises:
            RefusedRowError: It lacks one.
        """
        missing = [name for name in self.keys if name not in record]
        if missing:
            msg = f"the record lacks its key {', '.join(missing)}"
            raise RefusedRowError(msg)

    def refuse_expectation(self, expected: Expectation | None) -> None:
        """Refuse a row of a plan. Such rows cannot be built from records.

        Raises:
            InputError: The record says what it expects to find.
        """
        if expected is not None:
            msg = (
                f"stream {self.name!r} has rows of a plan, but the input does not begin with its header. "
                "Make a new plan"
            )
            raise InputError(msg)
