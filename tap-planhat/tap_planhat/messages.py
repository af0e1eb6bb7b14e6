"""Writes Singer messages to standard output, records buffered."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.singerlib.encoding.base import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.encoding.simple import Message

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

encode = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number").encode


class BufferedWriter(GenericSingerWriter[bytes, Message]):
    """Flushes at messages that are no records: a loader may wait for a STATE, it need not wait for each record."""

    @override
    def serialize_message(self, message: Message) -> bytes:
        return encode(message.to_dict()) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        self.write_lines((self.format_message(message),))
        if message.type is not SingerMessageType.RECORD:
            sys.stdout.flush()

    def write_lines(self, lines: Iterable[bytes]) -> None:
        """Write whole messages, each ending in a newline; they stay in the buffer until a message that flushes."""
        binary = getattr(sys.stdout, "buffer", None)
        if binary is None:
            sys.stdout.write(b"".join(lines).decode())
        else:
            binary.writelines(lines)
