"""What a RECORD line looks like, for all who read one, make a row of it, or set one aside."""

from __future__ import annotations

import msgspec

__all__ = ["REJECTION", "UNREADABLE", "RecordLine", "Rejection", "decode_record_line", "record_in"]

REJECTION = "planhat_rejection"
"""Member of a RECORD message that says why the record is here; other targets pass over it."""
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoders raise: UTF-8 is checked text by text, nesting by the depth of the stack."""


class Rejection(msgspec.Struct):
    """What a file of rejects says of a record."""

    attempt: int = 1
    reason: str | None = None
    copy: str | None = None


class RecordLine(msgspec.Struct, tag_field="type", tag="RECORD", rename={"rejection": REJECTION}):
    """A RECORD message whose record is still bytes."""

    stream: str
    record: msgspec.Raw
    rejection: Rejection | None = None


decode_record_line = msgspec.json.Decoder(RecordLine).decode
"""Reads a RECORD line. Raises what is in `UNREADABLE`."""


def record_in(line: bytes) -> bytes:
    """The record of a RECORD message, as it came in."""
    return bytes(decode_record_line(line).record)
