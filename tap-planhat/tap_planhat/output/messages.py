"""Writes Singer messages to standard output through a buffer."""

from __future__ import annotations

import os
import sys

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.singerlib.encoding.base import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.encoding.simple import Message

from planhat_api.plugin.output import writing_output
from planhat_api.plugin.stop_requests import StopRequests

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

_MOST_HELD = 1 << 16

encode = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number").encode


class BufferedWriter(GenericSingerWriter[bytes, Message]):
    """Collects records until there are many of them, or until another message comes.

    A loader may wait for a STATE, but not for a single record. The class has its own buffer because containers often
    run Python with PYTHONUNBUFFERED, where each write to standard output is a system call.
    """

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._held = bytearray()
        self._writing = False
        self._exit_code: int | None = None
        self._stop_requests = StopRequests()

    @override
    def serialize_message(self, message: Message) -> bytes:
        return encode(message.to_dict()) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        self._held += self.format_message(message)
        if message.type is not SingerMessageType.RECORD or len(self._held) >= _MOST_HELD:
            self.flush()

    def write_records(self, lines: bytes) -> None:
        """Write complete RECORD lines, many at once."""
        if not self._held and len(lines) >= _MOST_HELD:
            self._write(lines)
            return
        self._held += lines
        if len(self._held) >= _MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Write the content of the buffer."""
        self._writing = True
        held, self._held = self._held, bytearray()
        self._write(held)

    def _write(self, lines: bytes | bytearray) -> None:
        self._writing = True
        try:
            with writing_output("The loader"):
                _write_all(lines)
                sys.stdout.flush()
        finally:
            self._writing = False
        if self._exit_code is not None:
            sys.exit(self._exit_code)

    def stop(self, exit_code: int) -> None:
        """End the process after the lines that are being written. A second request ends it immediately."""
        if not self._stop_requests.add():
            return
        if self._exit_code is not None:
            # The process is already ending. A second exception could interrupt code that must not be interrupted.
            os._exit(exit_code)
        self._exit_code = exit_code
        if not self._writing:
            sys.exit(exit_code)


def _write_all(lines: bytes | bytearray) -> None:
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(lines.decode())
        return
    # Unbuffered standard output writes only what fits into the pipe, and returns how much that was.
    with memoryview(lines) as rest:
        written = 0
        while written < len(rest):
            written += binary.write(rest[written:])
