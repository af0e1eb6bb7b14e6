"""Turns pages into RECORD lines; records that nothing changes pass as the bytes Planhat sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_planhat.messages import encode
from tap_planhat.shapes import decode_record, is_plain, is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import msgspec

    from planhat_api import Page
    from tap_planhat.shapes import Shape

_AT_A_TIME = 64


class LineMaker:
    """Writes the RECORD lines of one stream.

    Args:
        stream: Name of the stream.
        shape: The announced shape of its records.
        version: Version of the full table, when the run has one.
    """

    def __init__(self, stream: str, shape: Shape, version: int | None) -> None:
        """Prepare what stands around each record."""
        self._shape = shape
        self._before = b'{"type":"RECORD","stream":' + encode(stream) + b',"record":'
        self._version = b"" if version is None else b',"version":' + encode(version)

    def lines(self, page: Page, extracted: datetime) -> Iterator[bytes]:
        """The lines of a page, some at a time: small pieces stay in the processor's cache. Each ends in a newline."""
        after = self._version + b',"time_extracted":' + encode(extracted) + b"}\n"
        plain = is_plain(page.body)
        for first in range(0, len(page.raw), _AT_A_TIME):
            records = page.raw[first : first + _AT_A_TIME]
            if plain and self._shape.fit(records):
                lines = self._lines(records, after)
                if lines.isascii() or is_utf8(lines):
                    yield lines
                    continue
            yield self._lines([self._fitting(body) for body in records], after)

    def _lines(self, records: Sequence[bytes | msgspec.Raw], after: bytes) -> bytes:
        return b"".join((self._before, (after + self._before).join(records), after))

    def _fitting(self, body: msgspec.Raw) -> bytes | msgspec.Raw:
        """A record as it came if it can pass, else converted."""
        record = bytes(body)
        if is_plain(record) and is_utf8(record) and self._shape.fit((body,)):
            return body
        return encode(self._shape.convert(decode_record(record)))
