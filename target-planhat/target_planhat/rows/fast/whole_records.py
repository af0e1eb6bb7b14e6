"""Cuts records out of messages, so that their bytes are the rows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.record_line import UNREADABLE
from target_planhat.rows.fast.columns import bare_message_type
from target_planhat.rows.values import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_planhat.rows.fast.schema_types import Decode
    from target_planhat.rows.fast.shape import Shape

__all__ = ["WholeRecords"]


class WholeRecords:
    """Cuts records out of messages of the usual form, for streams whose records can be rows as they stand."""

    def __init__(self, name: str, shape: Shape) -> None:
        """Generate the type of a message.

        Args:
            name: Name of the stream in its messages.
            shape: How its records are read.
        """
        self._decode: Decode = msgspec.json.Decoder(bare_message_type(name, shape.type_without_nulls)).decode
        quoted = encode(name).decode()
        self._forms = (
            (f'{{"type":"RECORD","stream":{quoted},"record":'.encode(), ',"time_extracted":"'),
            (f'{{"type": "RECORD", "stream": {quoted}, "record": '.encode(), ', "time_extracted": "'),
        )

    def may_take(self, line: bytes) -> bool:
        """Whether a message begins as those do whose records can be cut out."""
        return any(line.startswith(head) for head, _ in self._forms)

    def read(self, lines: Sequence[bytes], start: int, most: int) -> tuple[list[Any], Sequence[bytes], list[bytes]]:
        """So many messages from a place on, up to one that is not of the usual form or holds a null.

        The type takes no member of a message but these; none but `record` could stand in what is cut out, and no
        program writes that twice.

        Returns:
            Records of the generated class, their messages, and their bytes.
        """
        form = next((form for form in self._forms if lines[start].startswith(form[0])), None)
        if form is None:
            return [], (), []
        lines = lines[start : start + most]
        messages: list[Any] = []
        # An error leaves what came before it: that message goes another way.
        with suppress(*UNREADABLE):
            messages.extend(map(self._decode, lines))
        head, stamp = form
        bodies: list[bytes] = []
        cut, time, tail = len(head), None, b""
        for line, message in zip(lines, messages, strict=False):
            if message.time_extracted != time:
                time = message.time_extracted
                tail = f'{stamp}{time}"}}\n'.encode() if time else b"}\n"
            if not (line.startswith(head) and line.endswith(tail)):
                break
            bodies.append(line[cut : -len(tail)])
        return [message.record for message in messages[: len(bodies)]], lines[: len(bodies)], bodies
