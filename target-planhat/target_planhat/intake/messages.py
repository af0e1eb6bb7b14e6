"""Reads and checks Singer messages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from planhat_api.jsontext import MOST_LEVELS, nests_deeply, replace_lone_surrogates
from target_planhat.errors import InputError
from target_planhat.intake.unreadable_lines import UnreadableLine
from target_planhat.record_line import UNREADABLE, RecordLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_planhat.record_line import Expectation

__all__ = [
    "BYTE_ORDER_MARK",
    "KINDS",
    "ActivateVersionMessage",
    "BatchMessage",
    "Message",
    "RecordMessage",
    "SchemaMessage",
    "StateMessage",
    "read_message",
    "read_record",
]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Some programs write it at the start of a file. It is not part of the text."""
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class RecordMessage(msgspec.Struct):
    """A RECORD message, or a line that should be one.

    Attributes:
        stream: Name of the stream.
        place: Its place for messages to users: `line 2 of the input`.
        raw: The record as it was read. If the line is not a record, its text as a JSON string.
        record: The record. If the line is not a record, the part that can be read.
        attempt: Number of attempts, including this one.
        fault: Why the line is not a record; None if it is one.
        copy: If stream maps make several streams of its stream, the only one it is for; None if it is for all.
        column: If it is only for the point of one of its columns, this column; None if it is for the whole record.
        expected: What the record must look like in Planhat, if the message is part of a plan.
    """

    stream: str
    place: str
    raw: bytes
    record: dict[str, Any]
    attempt: int = 1
    fault: str | None = None
    copy: str | None = None
    column: str | None = None
    expected: Expectation | None = None


class _Placed(msgspec.Struct, kw_only=True):
    place: str = msgspec.field(default="", name="planhat_place")
    """Place of the message, for messages to users. It is not read from the message."""


class SchemaMessage(_Placed, tag_field="type", tag="SCHEMA"):
    """A SCHEMA message."""

    stream: _Name
    schema: dict[str, Any]
    key_properties: list[str] | None = None

    def is_equal_to(self, other: SchemaMessage) -> bool:
        """Whether another SCHEMA message has the same content."""
        return (self.schema, self.key_properties) == (other.schema, other.key_properties)


class StateMessage(_Placed, tag_field="type", tag="STATE"):
    """A STATE message."""

    value: Any


class ActivateVersionMessage(_Placed, tag_field="type", tag="ACTIVATE_VERSION"):
    """An ACTIVATE_VERSION message."""

    stream: _Name
    version: int


class BatchEncoding(msgspec.Struct):
    """The format of the files of a BATCH message."""

    format: str
    compression: str | None = None


class BatchMessage(_Placed, tag_field="type", tag="BATCH"):
    """A BATCH message."""

    stream: _Name
    encoding: BatchEncoding
    manifest: list[str]


OtherMessage: TypeAlias = SchemaMessage | StateMessage | ActivateVersionMessage | BatchMessage
Message: TypeAlias = RecordMessage | OtherMessage
KINDS: dict[type[Message], str] = {
    RecordMessage: "RECORD",
    SchemaMessage: "SCHEMA",
    StateMessage: "STATE",
    ActivateVersionMessage: "ACTIVATE_VERSION",
    BatchMessage: "BATCH",
}
"""The type of each message in the input."""


_decode_line: Callable[[bytes], RecordLine | OtherMessage] = msgspec.json.Decoder(RecordLine | OtherMessage).decode
_decode_record = msgspec.json.Decoder(dict[str, Any]).decode


def read_message(line: bytes, place: str) -> Message:
    """The message in a line.

    Args:
        line: The line, not blank.
        place: Its place, for messages to users.

    Raises:
        InputError: It is neither a message nor an invalid RECORD. The text contains no value of a row.
    """
    try:
        message = _decode_line(_decodable(line))
    except UNREADABLE as err:
        return _invalid_record(UnreadableLine(line, place), err)
    if isinstance(message, RecordLine):
        return _record(line, place, message)
    if nests_deeply(list(msgspec.structs.astuple(message))):
        raise InputError(UnreadableLine(line, place).too_deep)
    message.place = place
    return message


def read_record(line: bytes, stream: str, place: str) -> RecordMessage:
    """The record in a line of a batch file."""
    return _record(line, place, RecordLine(stream, msgspec.Raw(_decodable(line).strip())), is_record=True)


def _decodable(text: bytes) -> bytes:
    """JSON that can be decoded, even if a text in it was cut in the middle of an emoji."""
    return replace_lone_surrogates(text) if b"\\" in text and (b"\\ud" in text or b"\\uD" in text) else text


def _invalid_record(line: UnreadableLine, err: Exception) -> RecordMessage:
    """The RECORD message of a line that should be one.

    Raises:
        InputError: The line is not known to be a RECORD.
    """
    known = line.partial
    if known.kind == "RECORD" and isinstance(known.stream, str):
        return RecordMessage(
            known.stream,
            line.place,
            line.text,
            known.record,
            known.attempt,
            line.fault(err),
            known.copy,
            known.column,
        )
    raise line.input_error(err) from None


def _record(line: bytes, place: str, found: RecordLine, *, is_record: bool = False) -> RecordMessage:
    """A RECORD message.

    Args:
        line: The line.
        place: Its place.
        found: The message; its record is still bytes.
        is_record: Whether the line contains only the record, without a message.
    """
    raw, noted = bytes(found.record), found.rejection
    attempt, copy, column = (noted.attempt + 1, noted.copy, noted.column) if noted else (1, None, None)
    made = partial(RecordMessage, found.stream, place, attempt=attempt, copy=copy, column=column)
    try:
        record = _decode_record(raw)
    except UNREADABLE as err:
        given = UnreadableLine(line, place, is_record=is_record)
        if not isinstance(err, msgspec.ValidationError):
            return made(given.text, given.lenient_record, fault=given.fault(err))
        # A rejects file contains the text of a line that could not be read, with the original reason.
        known = noted.reason if noted and raw.startswith(b'"') else None
        return made(raw, {}, fault=known or given.no_object_reason(raw, err))
    # Counting brackets is faster than checking each value.
    if raw.count(b"{") + raw.count(b"[") > MOST_LEVELS and nests_deeply(record):
        given = UnreadableLine(line, place, is_record=is_record)
        return made(given.text, {}, fault=given.too_deep)
    return made(raw, record, expected=found.plan)
