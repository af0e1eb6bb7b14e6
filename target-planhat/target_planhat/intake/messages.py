"""The messages of a Singer stream, checked when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from planhat_api.jsontext import MOST_LEVELS, nests_deeply, replace_lone_surrogates
from target_planhat.errors import InputError
from target_planhat.intake.unreadable import InputLine
from target_planhat.record_line import UNREADABLE, RecordLine

if TYPE_CHECKING:
    from collections.abc import Callable

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
"""Some programs write it at the start of a file; it is no part of the text."""
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class RecordMessage(msgspec.Struct):
    """A RECORD message, or a line that was meant to be one.

    Attributes:
        stream: Name of the stream.
        place: Where it stands, for people: `line 2 of the input`.
        raw: The record as it came in; of a line that cannot be read, its text as a JSON string.
        record: The record; of a line that cannot be read, what can be told of it.
        attempt: How often it has been tried, this time included.
        fault: Why the line is no record; None when it is one.
        copy: The one stream it is for, of several that stream maps make of that one; None when it is for all.
    """

    stream: str
    place: str
    raw: bytes
    record: dict[str, Any]
    attempt: int = 1
    fault: str | None = None
    copy: str | None = None


class _Placed(msgspec.Struct, kw_only=True):
    place: str = msgspec.field(default="", name="planhat_place")
    """Where the message stands, for people; not read from it."""


class SchemaMessage(_Placed, tag_field="type", tag="SCHEMA"):
    """A SCHEMA message."""

    stream: _Name
    schema: dict[str, Any]
    key_properties: list[str] | None = None

    def says_the_same(self, other: SchemaMessage) -> bool:
        """Whether nothing has changed since the other one."""
        return (self.schema, self.key_properties) == (other.schema, other.key_properties)


class StateMessage(_Placed, tag_field="type", tag="STATE"):
    """A STATE message."""

    value: Any


class ActivateVersionMessage(_Placed, tag_field="type", tag="ACTIVATE_VERSION"):
    """An ACTIVATE_VERSION message."""

    stream: _Name
    version: int


class BatchEncoding(msgspec.Struct):
    """How the files of a BATCH message are written."""

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
"""What each is called in the stream."""


_decode_line: Callable[[bytes], RecordLine | OtherMessage] = msgspec.json.Decoder(RecordLine | OtherMessage).decode
_decode_record = msgspec.json.Decoder(dict[str, Any]).decode


def read_message(line: bytes, place: str) -> Message:
    """The message that stands in a line.

    Args:
        line: The line, not blank.
        place: Where it stands, for people.

    Raises:
        InputError: It is none, and cannot be told to be a RECORD. The text quotes no value of a row.
    """
    try:
        message = _decode_line(_whole(line))
    except UNREADABLE as err:
        return _refused(InputLine(line, place), err)
    if isinstance(message, RecordLine):
        return _record(line, place, message)
    if nests_deeply(list(msgspec.structs.astuple(message))):
        raise InputError(InputLine(line, place).too_deep)
    message.place = place
    return message


def read_record(line: bytes, stream: str, place: str) -> RecordMessage:
    """The record that stands alone in a line of a batch file."""
    return _record(line, place, RecordLine(stream, msgspec.Raw(_whole(line).strip())), is_whole=True)


def _whole(text: bytes) -> bytes:
    """JSON that can be decoded although a text in it was cut in the middle of an emoji."""
    return replace_lone_surrogates(text) if b"\\" in text and (b"\\ud" in text or b"\\uD" in text) else text


def _refused(line: InputLine, err: Exception) -> RecordMessage:
    """The row that a line was meant to be."""
    claim = line.claim
    if claim.kind == "RECORD" and isinstance(claim.stream, str):
        return RecordMessage(claim.stream, line.place, line.text, claim.record, claim.attempt, line.fault(err))
    raise line.complaint(err) from None


def _record(line: bytes, place: str, found: RecordLine, *, is_whole: bool = False) -> RecordMessage:
    """A RECORD message.

    Args:
        line: The line it stands in.
        place: Where that stands.
        found: The message, its record still bytes.
        is_whole: Whether the line is the record alone.
    """
    raw, noted = bytes(found.record), found.rejection
    attempt, copy = (noted.attempt + 1, noted.copy) if noted else (1, None)
    try:
        record = _decode_record(raw)
    except UNREADABLE as err:
        given = InputLine(line, place, is_record=is_whole)
        if not isinstance(err, msgspec.ValidationError):
            return RecordMessage(found.stream, place, given.text, given.lenient_record, attempt, given.fault(err))
        # The text of a line that could not be read, out of a rejects file: why it could not is known best there.
        known = noted.reason if noted and raw.startswith(b'"') else None
        return RecordMessage(found.stream, place, raw, {}, attempt, known or given.no_object(raw, err))
    # To count brackets is quicker than to look at each value.
    if raw.count(b"{") + raw.count(b"[") > MOST_LEVELS and nests_deeply(record):
        given = InputLine(line, place, is_record=is_whole)
        return RecordMessage(found.stream, place, given.text, {}, attempt, given.too_deep)
    return RecordMessage(found.stream, place, raw, record, attempt, copy=copy)
