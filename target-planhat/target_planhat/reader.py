"""Reads Singer messages as bytes and leaves the records undecoded."""

from __future__ import annotations

import io
import sys
from collections import Counter
from contextlib import nullcontext
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from planhat_api.jsontext import mended
from target_planhat.alarm import alarm
from target_planhat.errors import InputError
from target_planhat.rejects import REJECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["MessageReader", "RecordMessage", "record_in"]

_BUFFER = 1 << 18


class _Rejection(msgspec.Struct):
    attempt: int = 1
    copy: str | None = None


class RecordMessage(msgspec.Struct, tag_field="type", tag="RECORD", rename={"rejection": REJECTION}):
    """A RECORD message with its record as bytes."""

    stream: str
    record: msgspec.Raw
    rejection: _Rejection | None = None


_decode_record = msgspec.json.Decoder(RecordMessage).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class MessageReader(GenericSingerReader[bytes]):
    """Reader of messages.

    Attributes:
        line: The message being handled.
        record: Its record, if it is a RECORD, as it came in.
        attempt: How often that record has been tried, this time included.
        stream: The stream it came in.
        copy: The one stream it is for, of several that stream maps make of that one; None when it is for all.
        waiting: Whether the reader waits for input, and no message is being handled.
        watch: Called every so many seconds as long as messages come, also while the reader waits.
        shortcut: Given lines and a place, handles as many messages from there on as it can; tells how many.
    """

    def __init__(self) -> None:
        """Stand before the first message."""
        super().__init__()
        self.line = b""
        self.record = b""
        self.attempt = 1
        self.stream = ""
        self.copy: str | None = None
        self.waiting = False
        self.shortcut: Callable[[Sequence[bytes], int], int] | None = None
        self.watch: tuple[float, Callable[[], None]] | None = None

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input."""
        return open(sys.stdin.fileno(), "rb", buffering=_BUFFER, closefd=False)  # not ours to close

    def process_lines(self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[Any], None]]) -> Counter[str]:
        """Hand each message to the callback of its type: a RecordMessage for a RECORD, a dict for any other.

        Raises:
            InputError: A line is not a Singer message.
        """
        counter: Counter[str] = Counter()
        number = 0
        for lines in self._chunks(file_input or self.default_input):
            place = 0
            while place < len(lines):
                taken = self.shortcut(lines, place) if self.shortcut is not None else 0
                place += taken
                counter["RECORD"] += taken
                if place < len(lines) and not taken:
                    self._handle(number + place + 1, lines[place], callbacks, counter)
                    place += 1
            number += len(lines)
        return counter

    def _chunks(self, source: IO[Any]) -> Iterator[list[bytes]]:
        """Lines as they come, as many at a time as there are without waiting."""
        binary = getattr(source, "buffer", source)
        if isinstance(binary, io.BytesIO):
            binary = io.BufferedReader(cast("io.RawIOBase", binary), _BUFFER)
        if not isinstance(binary, io.BufferedReader):
            yield from ([line if isinstance(line, bytes) else line.encode()] for line in source)
            return
        with alarm(*self.watch) if self.watch else nullcontext():
            yield from self._chunks_of(binary)

    def _chunks_of(self, binary: io.BufferedReader) -> Iterator[list[bytes]]:
        while True:
            self.waiting = True
            end = binary.peek(1).rfind(b"\n")
            # `readlines` stops at the line that goes beyond this number of bytes, so it takes what is there and no
            # more. Without a whole line the next one is on its way, or the input is over.
            lines = binary.readlines(end) if end > 0 else [line] if (line := binary.readline()) else []
            self.waiting = False
            if not lines:
                return
            yield lines

    def _handle(
        self, number: int, line: bytes, callbacks: dict[str, Callable[[Any], None]], counter: Counter[str]
    ) -> None:
        """Hand one message on."""
        if not line.strip():
            return
        line = _whole(line)
        message = self._as_record(number, line)
        if message is None:
            self._handle_other(number, line, callbacks, counter)
        else:
            self._note(line, message)
            callbacks["RECORD"](message)
            counter["RECORD"] += 1

    def _as_record(self, number: int, line: bytes) -> RecordMessage | None:
        try:
            return _decode_record(line)
        except msgspec.ValidationError:
            return None
        except msgspec.DecodeError as err:
            raise self._broken(number, line) from err

    def _note(self, line: bytes, message: RecordMessage) -> None:
        self.line = line
        self.record = bytes(message.record)
        self.attempt = message.rejection.attempt + 1 if message.rejection else 1
        self.stream = message.stream
        self.copy = message.rejection.copy if message.rejection else None

    def inject(self, stream: str, record: bytes) -> RecordMessage:
        """Make a record that did not come as a line the message at hand."""
        message = RecordMessage(stream, msgspec.Raw(_whole(record)))
        try:
            self._note(msgspec.json.encode(message), message)
        except msgspec.EncodeError as err:
            msg = f"a record of stream {stream!r} is not a JSON object"
            raise InputError(msg) from err
        return message

    def _handle_other(
        self, number: int, line: bytes, callbacks: dict[str, Callable[[Any], None]], counter: Counter[str]
    ) -> None:
        message = self.deserialize_json(line, number)
        kind = message.get("type")
        if kind == "RECORD" or kind not in callbacks:
            msg = f"line {number} of the input is no Singer message: {_shape(message)}"
            raise InputError(msg)
        self.line = line
        callbacks[kind](message)
        counter[kind] += 1

    def deserialize_json(self, line: bytes, number: int = 0) -> dict[str, Any]:
        """Decode a whole message.

        Raises:
            InputError: It is not JSON, or not an object. The text does not quote it: it may hold personal data.
        """
        try:
            return _decode(line)
        except msgspec.DecodeError as err:
            raise self._broken(number, line) from err

    def decoded_record(self) -> dict[str, Any]:
        """The record being handled, decoded.

        Raises:
            InputError: It is not an object.
        """
        return self.deserialize_json(self.record)

    def whole_message(self) -> dict[str, Any]:
        """The message being handled, decoded to the last value."""
        return self.deserialize_json(self.line)

    @staticmethod
    def _broken(number: int, line: bytes) -> InputError:
        return InputError(f"line {number} of the input ({len(line.strip())} bytes) is not a JSON object")


def _whole(text: bytes) -> bytes:
    """JSON that can be decoded although a text in it was cut in the middle of an emoji."""
    return mended(text) if b"\\ud" in text or b"\\uD" in text else text


def record_in(line: bytes) -> bytes:
    """The record of a RECORD message, as it came in."""
    return bytes(_decode_record(line).record)


def _shape(message: dict[str, Any]) -> str:
    return f"type {message.get('type')!r} with {', '.join(sorted(message)) or 'nothing'}"
