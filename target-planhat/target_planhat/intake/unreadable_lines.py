"""Reads what it can of an invalid input line, and finds out why the line is invalid."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.jsontext import MOST_LEVELS, replace_lone_surrogates
from target_planhat.errors import InputError, quoted
from target_planhat.record_line import REJECTION, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KNOWN_TYPES", "PartialMessage", "UnreadableLine"]

KNOWN_TYPES = ("RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH")

_RECORD_FIRST = re.compile(rb'\s*\{\s*"record"\s*:')
_OPENING = re.compile(rb"\s*\{")
_SIMPLE = (
    rb'\s*"(?P<name>type|stream|version|time_extracted)"\s*:\s*'
    rb'(?P<value>"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null)\s*'
)
_NEXT_MEMBER = re.compile(_SIMPLE + rb"(?:,|\}|$)", re.DOTALL)
_LAST_MEMBER = re.compile(rb"," + _SIMPLE + rb"\}?\s*$", re.DOTALL)
_REJECTION = f'"{REJECTION}":'.encode()
"""The last member of a line in a rejects file."""
_MOST_DIGITS = 1_000
_TAIL = 4_096
"""Bytes at the end of a line in which its last members are searched."""

_AT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<member>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_WORDS = {"`str`": "text", "`int`": "whole number", "`float`": "number", "`bool`": "true or false"}
_DECODING = {"Input data was truncated": "it ends too early"}
_KINDS = {"[": "an array", '"': "a text", "t": "true", "f": "false", "n": "null"}


@dataclass(frozen=True)
class PartialMessage:
    """The part of a message that can be read.

    Attributes:
        kind: Its type.
        stream: Its stream.
        record: Its record; empty if it cannot be read.
        attempt: Number of attempts, including this one.
        copy: As in `Rejection`.
        column: As in `Rejection`.
    """

    kind: Any = None
    stream: Any = None
    record: dict[str, Any] = field(default_factory=dict)
    attempt: int = 1
    copy: str | None = None
    column: str | None = None


class _Constant:
    """A constant such as NaN, which Python writes but JSON does not allow."""

    def __init__(self, name: str) -> None:
        self.name = name


class UnreadableLine:
    """An invalid line of the input or of a batch file."""

    def __init__(self, line: bytes, place: str, *, is_record: bool = False) -> None:
        """Keep the line.

        Args:
            line: The line.
            place: Its place, for messages to users.
            is_record: Whether the line contains only the record, without a message.
        """
        self.place = place
        self._line = line
        self._is_record = is_record

    @property
    def too_deep(self) -> str:
        """The reason for a line with too many levels."""
        return f"{self.place} is nested more than {MOST_LEVELS} levels deep"

    @property
    def text(self) -> bytes:
        """The text of the line as a JSON string. Bytes that are not UTF-8 are escaped with backslashes."""
        return msgspec.json.encode(self._line.strip().decode("utf-8", "backslashreplace"))

    @cached_property
    def _lenient(self) -> Any:  # noqa: ANN401 # any JSON value
        """The value that a lenient JSON parser reads; None if it cannot read the line either."""
        text = replace_lone_surrogates(self._line).decode("utf-8", "replace")
        with suppress(ValueError, RecursionError):
            return json.loads(text, strict=False, parse_constant=_Constant, parse_int=_integer)
        return None

    @property
    def lenient_record(self) -> dict[str, Any]:
        """The part of the record that can be read. Its key is needed for messages."""
        found = self._lenient
        if not self._is_record:
            found = found.get("record") if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    @cached_property
    def partial(self) -> PartialMessage:
        """The part of the message that can be read."""
        found = self._lenient
        is_message = isinstance(found, dict)
        members = found if is_message else {**dict(self._last_members()), **dict(self._first_members())}
        noted = found.get(REJECTION) if is_message else self._rejection_at_end()
        rejection = noted if isinstance(noted, dict) else {}
        tried, copy, column = (rejection.get(name) for name in ("attempt", "copy", "column"))
        return PartialMessage(
            members.get("type"),
            members.get("stream"),
            self.lenient_record,
            attempt=tried + 1 if type(tried) is int else 1,
            copy=copy if isinstance(copy, str) else None,
            column=column if isinstance(column, str) else None,
        )

    def _rejection_at_end(self) -> Any:  # noqa: ANN401 # any JSON value
        """What a rejects file says about the record, if somebody made a mistake in the record since; or None."""
        _, _, text = self._line.rstrip().rpartition(_REJECTION)
        with suppress(ValueError, RecursionError):
            return json.loads(text.removesuffix(b"}"))
        return None

    def _first_members(self) -> Iterator[tuple[str, Any]]:
        """The simple members at the beginning of a message, before its first error."""
        opening = _OPENING.match(self._line)
        member = _NEXT_MEMBER.match(self._line, opening.end()) if opening else None
        while member:
            yield _decoded(member)
            member = _NEXT_MEMBER.match(self._line, member.end())

    def _last_members(self) -> Iterator[tuple[str, Any]]:
        """The simple members at the end of a message that begins with its record, because its members are sorted."""
        tail = self._line[-_TAIL:] if _RECORD_FIRST.match(self._line) else b""
        while member := _LAST_MEMBER.search(tail):
            yield _decoded(member)
            tail = tail[: member.start()]

    def fault(self, err: Exception) -> str:
        """Why the line is invalid. The text contains no value of the line."""
        try:
            self._line.decode()
        except UnicodeDecodeError as wrong:
            return f"{self.place} is not UTF-8 (byte {wrong.start})"
        if isinstance(err, RecursionError):
            return self.too_deep
        if isinstance(err, msgspec.ValidationError):
            return f"{self.place}: {_reason(err)}"
        for column, constant in _constants(self.lenient_record):
            return f"{self.place}: column {quoted(column)} holds {constant}, which is not a number in JSON"
        return f"{self.place} is not JSON: {self._malformed(err)}"

    def _malformed(self, err: Exception) -> str:
        """What is wrong with the JSON, for messages."""
        try:
            # If a line ends inside a text, the line break is not a character of that text.
            msgspec.json.decode(self._line.rstrip())
        except UNREADABLE as wrong:
            err = wrong if isinstance(wrong, msgspec.DecodeError) else err
        return _DECODING.get(str(err)) or str(err).removeprefix("JSON is malformed: ")

    def no_object_reason(self, record: bytes, err: msgspec.ValidationError) -> str:
        """Why a valid JSON value is not a record."""
        if record.startswith(b"{"):
            return f"{self.place}: {_reason(err).rpartition(': ')[2]}"
        kind = _KINDS.get(record[:1].decode("ascii", "replace"), "a number")
        return f"{self.place}: the record is {kind}, not an object"

    def input_error(self, err: Exception) -> InputError:
        """The error for a line that is neither a message nor a record."""
        kind, stream = self.partial.kind, self.partial.stream
        if not isinstance(err, msgspec.ValidationError):
            reason = self.fault(err)
        elif not isinstance(self._lenient, dict):
            reason = f"{self.place} ({len(self._line.strip())} bytes) is not a JSON object"
        elif not isinstance(kind, str):
            reason = f"{self.place}: a message without a type; the known types are {', '.join(KNOWN_TYPES)}"
        elif kind not in KNOWN_TYPES:
            reason = f"{self.place}: a message of type {quoted(kind)}; the known types are {', '.join(KNOWN_TYPES)}"
        else:
            of_stream = f" of stream {quoted(stream)}" if isinstance(stream, str) else ""
            reason = f"{self.place}: {kind}{of_stream}: {_reason(err)}"
        return InputError(reason)


def _integer(text: str) -> int | str:
    """A whole number. A text if it has thousands of digits, which Python does not convert."""
    return int(text) if len(text) <= _MOST_DIGITS else text


def _decoded(member: re.Match[bytes]) -> tuple[str, Any]:
    value = None
    with suppress(ValueError):
        value = json.loads(member["value"].decode("utf-8", "replace"), strict=False)
    return member["name"].decode(), value


def _constants(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Columns that contain a constant which JSON does not allow, at any depth, with the constant."""
    for column, value in record.items():
        pending = [value]
        while pending:
            found = pending.pop()
            if isinstance(found, _Constant):
                yield column, found.name
            elif isinstance(found, (dict, list)):
                pending += found.values() if isinstance(found, dict) else found


def _reason(err: msgspec.ValidationError) -> str:
    """Which member is wrong and why, for messages."""
    found = _AT.fullmatch(str(err))
    what, member = (found["what"], found["member"]) if found else (str(err), None)
    what = _MISSING.sub(r"it has no '\1'", what)
    for name, word in _WORDS.items():
        what = what.replace(name, word)
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{member}: {what}" if member else what
