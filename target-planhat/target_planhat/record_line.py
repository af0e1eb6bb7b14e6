"""The form of a RECORD line."""

from __future__ import annotations

import msgspec

__all__ = ["REJECTION", "UNREADABLE", "RecordLine", "Rejection", "decode_record_line", "record_in"]

REJECTION = "planhat_rejection"
"""Member of a RECORD message in a rejects file that says why it was rejected. Other targets ignore it."""
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Errors of the decoders: for JSON, for UTF-8, which is checked in each text, and for too deep nesting."""


class Rejection(msgspec.Struct):
    """What a rejects file says about a record."""

    attempt: int = 1
    reason: str | None = None
    copy: str | None = None


class RecordLine(msgspec.Struct, tag_field="type", tag="RECORD", rename={"rejection": REJECTION}):
    """A RECORD message whose record is still bytes."""

    stream: str
    record: msgspec.Raw
    rejection: Rejection | None = None


decode_record_line = msgspec.json.Decoder(RecordLine).decode
"""Reads a RECORD line. It raises the errors in `UNREADABLE`."""


def record_in(line: bytes) -> bytes:
    """The record of a RECORD message, as it came in."""
    return bytes(decode_record_line(line).record)
