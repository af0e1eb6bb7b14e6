"""Applies the stream map of a stream to many RECORD lines at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.jsontext import MOST_LEVELS
from planhat_api.plugin.expressions import ExpressionError
from target_planhat.record_line import REJECTION, UNREADABLE
from target_planhat.rows.loader_columns import marks_in
from target_planhat.rows.values import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_planhat.rows.item import Item
    from target_planhat.sink import PlanhatSink

    Record = dict[str, Any]

__all__ = ["MappedRecords"]

_MOST_AT_ONCE = 1_000
_FEWEST_AT_ONCE = 8


class _MappedLine(msgspec.Struct, tag_field="type", tag="RECORD", rename={"rejection": REJECTION}):
    """A RECORD message. It has a rejection if it comes from a rejects file."""

    stream: str
    record: dict[str, Any]
    rejection: msgspec.Raw | None = None


@dataclass
class _Mapped:
    """The result of a stream map for some lines.

    Attributes:
        lines: Number of lines.
        made: The mapped messages.
        places: The line of each mapped message.
        left_out: The records that the map leaves out, each with the place of its line.
    """

    lines: int = 0
    made: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    left_out: list[tuple[int, Record]] = field(default_factory=list)


_decode = msgspec.json.Decoder(_MappedLine).decode


class MappedRecords:
    """Makes rows from the records of a stream with one stream map, many at once.

    Where this is not possible, or an expression fails, the SDK processes the record and finds the reason.
    """

    def __init__(
        self,
        stream: str,
        transform: Callable[[Record], Record | None],
        sink: PlanhatSink,
        leave_out: Callable[[Record], None],
    ) -> None:
        """Prepare to apply the map.

        Args:
            stream: Name of the stream in its messages.
            transform: Gives the mapped record; None if the map leaves the record out. It may raise ExpressionError.
            sink: Gets the rows.
            leave_out: Called with each record that the map leaves out.
        """
        self._stream = stream
        self._transform = transform
        self._sink = sink
        self._leave_out = leave_out
        self._head = b'{"type":"RECORD","stream":' + encode(stream) + b',"record":'
        # No more than a batch, because the reject policy is applied after each batch.
        self._at_once = self._most_at_once = min(_MOST_AT_ONCE, sink.max_size)

    def handle(self, lines: Sequence[bytes], start: int) -> int:
        """Handle messages from a place on. Return how many were handled; the SDK must process the next message.

        Messages after one that the SDK must process are mapped again later. Such a message is seldom the only one, so
        fewer messages are mapped at once after it.
        """
        most = min(len(lines), start + self._at_once)
        result = self._map(lines[start:most])
        items = self._items(result.made)
        built = len(items) == len(result.made)
        handled = result.lines if built else result.places[len(items)]
        for item, place in zip(items, result.places, strict=False):
            item.source = lines[start + place]
        for place, record in result.left_out:
            if place < handled:
                self._leave_out(record)
        is_all = start + handled == most
        self._at_once = min(self._most_at_once, 2 * self._at_once if is_all else max(_FEWEST_AT_ONCE, 2 * handled))
        if handled:
            self._sink.add_rows(items, handled)
        return handled

    def _map(self, lines: Sequence[bytes]) -> _Mapped:
        """Map messages, up to one that the SDK must process."""
        found = _Mapped()
        for line in lines:
            record = self._record(line)
            if record is None:
                break
            try:
                mapped = self._transform(record)
                made = b"" if mapped is None else self._head + encode(mapped) + b"}\n"
            except (ExpressionError, TypeError, ValueError):
                break
            if mapped is None:
                found.left_out.append((found.lines, record))
            elif marks_in(line) <= mapped.keys():
                found.made.append(made)
                found.places.append(found.lines)
            else:
                # The map removed a column that may mark the row as deleted.
                break
            found.lines += 1
        return found

    def _record(self, line: bytes) -> Record | None:
        """The record of a line; None if the SDK must process the line."""
        if line.count(b"{") + line.count(b"[") > MOST_LEVELS:
            return None
        try:
            message = _decode(line)
        except UNREADABLE:
            return None
        return message.record if message.stream == self._stream and message.rejection is None else None

    def _items(self, made: Sequence[bytes]) -> list[Item]:
        items: list[Item] = []
        while len(items) < len(made):
            found = self._sink.rows_of(made, len(items))
            if not found:
                break
            items += found
        return items
