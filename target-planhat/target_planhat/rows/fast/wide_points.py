"""Builds the points of rows that have one column for each metric, from messages that are still bytes.

A record is decoded once. What its points share is encoded once, and each point is put together from bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_planhat.rows.fast.columns import columns_of, number_column
from target_planhat.rows.fast.keys import Keys
from target_planhat.rows.fast.record_check import RecordCheck
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.fast.shape import Shape
from target_planhat.rows.fast.usual_records import UsualRecords
from target_planhat.rows.item import Item
from target_planhat.rows.mapping import Field, Source
from target_planhat.rows.values import NUMBER, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_planhat.rows.builder import StreamPlan
    from target_planhat.rows.declared_stream import DeclaredStream
    from target_planhat.rows.fast.quick_check import QuickCheck

_LONGEST = 40
"""Digits of a usual number. Longer ones need the general path, because they may be too large."""
_GREAT = re.compile(rb"e[^-]")
"""A number with a positive exponent, which may be too large as well."""

__all__ = ["WidePoints"]

_NO_KEYS: dict[str, str] = {}
_NULL = b"null"


class WidePoints:
    """Builds the points of one stream from messages that are still bytes."""

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        shared: StreamPlan,
        points: Mapping[str, str],
        declared: DeclaredStream,
        check: QuickCheck | None,
        *,
        validates: bool,
        most_at_once: int,
    ) -> None:
        """Generate the types.

        Args:
            shared: What is known about the stream and the columns that are not metrics.
            points: The dimension id of each column that is a metric.
            declared: The stream.
            check: An additional check of points.
            validates: Whether records are checked against the parts of the schema that are not types.
            most_at_once: Points of a batch. Hardly more points are made at once, because the reject policy is applied
                after each batch.

        Raises:
            NoTypeError: The stream needs the general path.
        """
        if shared.settings.nulls == "clear" or shared.settings.cleared:
            message = "nulls are sent"
            raise NoTypeError(message)
        schema, keys = declared.schema, declared.keys
        columns = [
            *columns_of(shared, _without(schema, points), [key for key in keys if key not in points]),
            *(
                number_column(
                    column,
                    schema["properties"][column],
                    Source(column, Field("value"), NUMBER),
                    shared,
                    required=column in {*schema.get("required", ()), *keys},
                )
                for column in points
            ),
        ]
        inexact = [column.name for column in columns if not column.exact]
        self._shape = Shape(columns, shared.plan.constants)
        self._usual = UsualRecords(
            declared.input_stream,
            self._shape,
            takes_nulls=True,
            schema_check=RecordCheck.of(schema, inexact) if validates else None,
            check=check,
            fixed={"dimensionId": next(iter(points.values())), "value": 0},
            most_at_once=max(1, most_at_once // len(points)),
        )
        self._keys = Keys.of(shared.rule, self._shape)
        self._cells = [
            (column, b'{"dimensionId":' + encode(dimension) + b',"value":') for column, dimension in points.items()
        ]
        self._read_cells = self._shape.cells_reader(list(points))

    def build(self, lines: Sequence[bytes], start: int = 0) -> tuple[list[Item], list[Item], int]:
        """Build the points of messages, from a place on. They end before a message that needs the general path.

        Returns:
            The points; a row without a body for each record without a value; and how many messages these are of.
        """
        records, sources = self._usual.read(lines, start)
        good, _ = self._usual.convert(records, sources)
        self._usual.note(good, len(records))
        records = records[:good]
        matches = self._keys.matches(records)
        written, cells, read = self._shape.written, self._cells, self._read_cells
        items: list[Item] = []
        empty: list[Item] = []
        for place, (record, source, match) in enumerate(zip(records, sources, matches, strict=False)):
            # There is no comma in a number.
            line = encode(read(record))
            values = line[1:-1].split(b",")
            if max(map(len, values)) > _LONGEST or (b"e" in line and _GREAT.search(line)):
                return items, empty, place
            tail = b"," + encode(written(record))[1:]
            made = [
                Item(head + value + tail, _NO_KEYS, match, source, True, column)  # noqa: FBT003 # faster by position
                for (column, head), value in zip(cells, values, strict=True)
                if value != _NULL
            ]
            if made:
                items += made
            else:
                empty.append(Item(b"{}", _NO_KEYS, match, source, True))  # noqa: FBT003 # as above
        return items, empty, good


def _without(schema: Mapping[str, Any], points: Mapping[str, str]) -> dict[str, Any]:
    """The schema as if the stream had only the columns that are not metrics."""
    columns = {name: column for name, column in schema["properties"].items() if name not in points}
    required = [name for name in schema.get("required", ()) if name not in points]
    return {**schema, "properties": columns, "required": required}
