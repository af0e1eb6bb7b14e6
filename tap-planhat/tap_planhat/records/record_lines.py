"""Turns pages into RECORD lines, and copies the bytes of records that need no conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_planhat.output.messages import encode
from tap_planhat.records.conversion import decode_record, is_plain, is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import msgspec

    from planhat_api import Page
    from tap_planhat.records.conversion import RecordConverter

_BYTES_AT_A_TIME = 1 << 17


class LineMaker:
    """Writes the RECORD lines of one stream.

    Args:
        stream: Name of the stream.
        converter: Converts its records.
        version: Version of the full table, if the run has one.
    """

    def __init__(self, stream: str, converter: RecordConverter, version: int | None) -> None:
        """Prepare the text around each record."""
        self._converter = converter
        self._before = b'{"type":"RECORD","stream":' + encode(stream) + b',"record":'
        self._version = b"" if version is None else b',"version":' + encode(version)

    def lines(self, page: Page, extracted: datetime) -> Iterator[bytes]:
        """The lines of a page, each with a newline, in pieces that are small enough for the processor's cache."""
        after = self._version + b',"time_extracted":' + encode(extracted) + b"}\n"
        plain = page.conforms or is_plain(page.body)
        at_a_time = max(1, _BYTES_AT_A_TIME * len(page.raw) // max(1, len(page.body)))
        for first in range(0, len(page.raw), at_a_time):
            records = page.raw[first : first + at_a_time]
            passes = page.conforms or (plain and self._converter.all_conform(records))
            yield self._lines(records if passes else [self._conforming(body) for body in records], after)

    def _lines(self, records: Sequence[bytes | msgspec.Raw], after: bytes) -> bytes:
        return b"".join((self._before, (after + self._before).join(records), after))

    def _conforming(self, body: msgspec.Raw) -> bytes | msgspec.Raw:
        """The record itself if it needs no conversion, else the converted record."""
        record = bytes(body)
        if is_plain(record) and is_utf8(record) and self._converter.fields_conform((body,)):
            return body
        return encode(self._converter.convert(decode_record(record)))
