"""Builds many rows at once from messages that are still bytes.

A generated type accepts a message only if each column is declared and has its declared type. If nothing in a record
changes, its bytes are sent. A record with nulls, renamed or converted columns is encoded again. All other records, and
all that must be rejected, need the general path, which builds the same row or finds the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_planhat.rows.fast.columns import columns_of
from target_planhat.rows.fast.keys import Keys
from target_planhat.rows.fast.record_check import RecordCheck
from target_planhat.rows.fast.shape import Shape
from target_planhat.rows.fast.usual_records import MOST_AT_ONCE, UsualRecords
from target_planhat.rows.fast.whole_records import WholeRecords
from target_planhat.rows.item import Item
from target_planhat.rows.values import encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_planhat.rows.builder import StreamPlan
    from target_planhat.rows.fast.quick_check import QuickCheck

__all__ = ["FastRows"]

_LONG_RUN = 200
_NO_KEYS: dict[str, str] = {}


class FastRows:
    """Builds rows of one stream from messages that are still bytes."""

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        stream: StreamPlan,
        schema: Mapping[str, Any],
        name: str,
        keys: Sequence[str],
        check: QuickCheck | None = None,
        *,
        validates: bool = True,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        """Generate the types.

        Args:
            stream: What is known about the stream.
            schema: The schema of the stream.
            name: Name of the stream in its messages.
            keys: Columns that each record must have.
            check: An additional check.
            validates: Whether records are checked against the parts of the schema that are not types.
            most_at_once: Rows of a batch. No more rows are made at once, because the reject policy is applied after
                each batch.

        Raises:
            NoTypeError: The stream needs the general path.
        """
        # If nulls are sent, a record with a null needs the general path, because nulls are left out here.
        sends_nulls = stream.settings.nulls == "clear" or bool(stream.settings.cleared)
        columns = list(columns_of(stream, schema, keys))
        inexact = [column.name for column in columns if not column.exact]
        self._shape = Shape(columns, stream.plan.constants, sends_nulls=sends_nulls)
        self._usual = UsualRecords(
            name,
            self._shape,
            takes_nulls=not sends_nulls,
            schema_check=RecordCheck.of(schema, inexact) if validates else None,
            check=check,
            fixed={},
            most_at_once=most_at_once,
        )
        self._whole = WholeRecords(name, self._shape) if self._shape.keeps_bytes else None
        self._keys = Keys.of(stream.rule, self._shape)
        self._is_upsert = bool(stream.model.keyables)
        self._needs_key = stream.rule.needs_key or bool(stream.model.required or stream.model.required_any)

    def build(self, lines: Sequence[bytes], start: int = 0) -> list[Item]:
        """The rows of messages, from a place on. They end before a message that needs the general path."""
        if self._whole is not None:
            records, sources, bodies = self._whole.read(lines, start, self._usual.at_once)
            # If records with nulls are between others, small groups of records are read together.
            rest = start + len(records)
            if records and (
                len(records) >= _LONG_RUN or rest == len(lines) or not self._whole.has_usual_form(lines[rest])
            ):
                return self._items(records, sources, bodies)
        return self._items(*self._usual.read(lines, start), None)

    def _items(self, records: list[Any], sources: Sequence[bytes], bodies: list[bytes] | None) -> list[Item]:
        """The items of the records from these messages.

        Args:
            records: Records of a generated class.
            sources: Their messages.
            bodies: The same records as bytes. They are the rows if nothing must be changed.
        """
        good, changed = self._usual.convert(records, sources)
        if bodies is not None and self._shape.holds_empty_objects(records):
            bodies = None
        matches = self._keys.matches(records)
        if self._needs_key and None in matches:
            good = min(good, matches.index(None))
        self._usual.note(good, len(records))
        if good < len(records):
            records, sources, matches = records[:good], sources[:good], matches[:good]
        keys = self._keys.read(records) if self._is_upsert else [_NO_KEYS] * len(records)
        written = self._shape.written
        if bodies is None:
            bodies = [encode(written(record)) for record in records]
        else:
            for place in changed:
                bodies[place] = encode(written(records[place])) if place < good else b""
        return [
            Item(body, found, match, source, True)  # noqa: FBT003 # positional arguments are faster
            for body, found, match, source in zip(bodies, keys, matches, sources, strict=False)
        ]
