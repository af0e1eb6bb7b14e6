"""Takes RECORD lines through the one stream map of their stream, many at a time."""

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
    """A RECORD message; one out of a file of rejects is told by its rejection."""

    stream: str
    record: dict[str, Any]
    rejection: msgspec.Raw | None = None


@dataclass
class _LookedAt:
    """What a stream map makes of some lines.

    Attributes:
        lines: How many lines.
        made: The messages that it makes.
        places: Which line each of those comes from.
        left_out: The records that it leaves out, each with the place of its line.
    """

    lines: int = 0
    made: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    left_out: list[tuple[int, Record]] = field(default_factory=list)


_decode = msgspec.json.Decoder(_MappedLine).decode


class MappedRecords:
    """The records of a stream that one stream map changes or leaves out, as far as they can become rows many at a time.

    A record that cannot, or on which an expression fails, is left to the SDK's own way, which tells the reason.
    """

    def __init__(
        self,
        stream: str,
        transform: Callable[[Record], Record | None],
        sink: PlanhatSink,
        leave_out: Callable[[Record], None],
    ) -> None:
        """Nothing was taken yet.

        Args:
            stream: Name of the stream in its messages.
            transform: Gives the record as the map makes it, None for one that it leaves out. It may raise
                ExpressionError.
            sink: Takes the rows.
            leave_out: Told of each record that the map leaves out.
        """
        self._stream = stream
        self._transform = transform
        self._sink = sink
        self._leave_out = leave_out
        self._head = b'{"type":"RECORD","stream":' + encode(stream) + b',"record":'
        # No more than a batch, so that the policy is asked after each.
        self._at_once = self._most_at_once = min(_MOST_AT_ONCE, sink.max_size)

    def take(self, lines: Sequence[bytes], start: int) -> int:
        """Take messages from a place on; the number taken, which may be less than there are.

        What is looked at beyond a record that must be left to the SDK is looked at again. Such a record is seldom the
        only one, so fewer are looked at after it.
        """
        most = min(len(lines), start + self._at_once)
        looked_at = self._look(lines[start:most])
        items = self._items(looked_at.made)
        built = len(items) == len(looked_at.made)
        taken = looked_at.lines if built else looked_at.places[len(items)]
        for item, place in zip(items, looked_at.places, strict=False):
            item.source = lines[start + place]
        for place, record in looked_at.left_out:
            if place < taken:
                self._leave_out(record)
        is_all = start + taken == most
        self._at_once = min(self._most_at_once, 2 * self._at_once if is_all else max(_FEWEST_AT_ONCE, 2 * taken))
        if taken:
            self._sink.take_rows(items, taken)
        return taken

    def _look(self, lines: Sequence[bytes]) -> _LookedAt:
        """What the map makes of messages, up to one that needs a closer look."""
        found = _LookedAt()
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
                # The map took away the mark of a row that may be gone at the source.
                break
            found.lines += 1
        return found

    def _record(self, line: bytes) -> Record | None:
        """The record of a line; None of one that needs a closer look."""
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
