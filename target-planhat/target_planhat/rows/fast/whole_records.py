"""Cuts the bytes of records out of messages. They are used as rows."""

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
    """Cuts records out of messages of the usual form, for streams whose records need no change."""

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

    def has_usual_form(self, line: bytes) -> bool:
        """Whether a message has the usual beginning, so that its record may be cut out."""
        return any(line.startswith(head) for head, _ in self._forms)

    def read(self, lines: Sequence[bytes], start: int, most: int) -> tuple[list[Any], Sequence[bytes], list[bytes]]:
        """Read messages from a place on, up to one that has another form or contains a null.

        The type accepts no other members in a message. So only a second `record` could be part of the bytes that are
        cut out, and no program writes one.

        Returns:
            Records of the generated class, their messages, and their bytes.
        """
        form = next((form for form in self._forms if lines[start].startswith(form[0])), None)
        if form is None:
            return [], (), []
        lines = lines[start : start + most]
        messages: list[Any] = []
        # On an error, the messages before it are kept. The message itself is read differently.
        with suppress(*UNREADABLE):
            messages.extend(map(self._decode, lines))
        head, time_prefix = form
        bodies: list[bytes] = []
        cut, time, tail = len(head), None, b""
        for line, message in zip(lines, messages, strict=False):
            if message.time_extracted != time:
                time = message.time_extracted
                tail = f'{time_prefix}{time}"}}\n'.encode() if time else b"}\n"
            if not (line.startswith(head) and line.endswith(tail)):
                break
            bodies.append(line[cut : -len(tail)])
        return [message.record for message in messages[: len(bodies)]], lines[: len(bodies)], bodies
