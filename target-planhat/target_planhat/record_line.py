"""The form of a RECORD line."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = [
    "PLANNED",
    "REJECTION",
    "UNREADABLE",
    "Expectation",
    "RecordLine",
    "Rejection",
    "decode_record_line",
    "record_in",
]

REJECTION = "planhat_rejection"
"""Member of a RECORD message in a rejects file that says why it was rejected. Other targets ignore it."""
PLANNED = "planhat_plan"
"""Member of a RECORD message in a plan that says what the record is expected to look like in Planhat."""
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Errors of the decoders: for JSON, for UTF-8, which is checked in each text, and for too deep nesting."""


class Rejection(msgspec.Struct):
    """What a rejects file says about a record.

    Attributes:
        attempt: Number of attempts.
        reason: Why it was rejected.
        copy: If stream maps make several streams of its stream, the one in which it was rejected; None for all.
        column: If only the point of one of its columns was rejected, this column; None for the whole record.
    """

    attempt: int = 1
    reason: str | None = None
    copy: str | None = None
    column: str | None = None


class Expectation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a plan says about one of its rows, and what it expects to find in Planhat.

    Attributes:
        action: What is done with the row. `send` means that it could not be told what Planhat would do with it.
        key: The key by which the source knows the row: its name, its value and, if necessary, its company.
        planhat_id: `_id` of the record that the row changes.
        before: The values that Planhat held in the fields that the row changes. Null for a field without a value.
        reason: Why it could not be told.
    """

    action: Literal["create", "update", "delete", "send"]
    key: tuple[str, ...] | None = None
    planhat_id: str | None = None
    before: dict[str, Any] = {}
    reason: str | None = None


class RecordLine(msgspec.Struct, tag_field="type", tag="RECORD", rename={"rejection": REJECTION, "plan": PLANNED}):
    """A RECORD message whose record is still bytes."""

    stream: str
    record: msgspec.Raw
    rejection: Rejection | None = None
    plan: Expectation | None = None


decode_record_line = msgspec.json.Decoder(RecordLine).decode
"""Reads a RECORD line. It raises the errors in `UNREADABLE`."""


def record_in(line: bytes) -> bytes:
    """The record of a RECORD message, as it came in."""
    return bytes(decode_record_line(line).record)
