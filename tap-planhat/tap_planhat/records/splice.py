"""Turns pages into RECORD lines; records that nothing changes pass as the bytes Planhat sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_planhat.output.messages import encode
from tap_planhat.records.shapes import decode_record, is_plain, is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import msgspec

    from planhat_api import Page
    from tap_planhat.records.shapes import Shape

_BYTES_AT_A_TIME = 1 << 17


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
        plain = page.recognised or is_plain(page.body)
        at_a_time = max(1, _BYTES_AT_A_TIME * len(page.raw) // max(1, len(page.body)))
        for first in range(0, len(page.raw), at_a_time):
            records = page.raw[first : first + at_a_time]
            passes = page.recognised or (plain and self._shape.pass_as_text(records))
            yield self._lines(records if passes else [self._fitting(body) for body in records], after)

    def _lines(self, records: Sequence[bytes | msgspec.Raw], after: bytes) -> bytes:
        return b"".join((self._before, (after + self._before).join(records), after))

    def _fitting(self, body: msgspec.Raw) -> bytes | msgspec.Raw:
        """A record as it came if it can pass, else converted."""
        record = bytes(body)
        if is_plain(record) and is_utf8(record) and self._shape.fit((body,)):
            return body
        return encode(self._shape.convert(decode_record(record)))
