"""Writes Singer messages to standard output, records buffered."""

from __future__ import annotations

import sys
from typing import IO

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.singerlib.encoding.base import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.encoding.simple import Message

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

encode = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number").encode


class BufferedWriter(GenericSingerWriter[bytes, Message]):
    """Flushes at messages that are no records: a loader may wait for a STATE, it need not wait for each record."""

    def __init__(self) -> None:
        """Start idle."""
        self._writing = False
        self._exit_code: int | None = None

    @override
    def serialize_message(self, message: Message) -> bytes:
        return encode(message.to_dict()) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        flush = message.type is not SingerMessageType.RECORD
        self.write_lines(self.format_message(message), flush=flush)

    def write_lines(self, lines: bytes, *, flush: bool = False) -> None:
        """Write whole messages, each ending in a newline; they may stay in the buffer until a message that flushes."""
        self._writing = True
        try:
            binary = getattr(sys.stdout, "buffer", None)
            if binary is None:
                sys.stdout.write(lines.decode())
            else:
                _write_all(binary, lines)
            if flush:
                sys.stdout.flush()
        finally:
            self._writing = False
        if self._exit_code is not None:
            sys.exit(self._exit_code)

    def stop(self, exit_code: int) -> None:
        """End the process: at once, or after the message that is being written; asked again, at once all the same."""
        if self._writing and self._exit_code is None:
            self._exit_code = exit_code
        else:
            sys.exit(exit_code)


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of it: with PYTHONUNBUFFERED standard output takes what fits into the pipe and says how much."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
