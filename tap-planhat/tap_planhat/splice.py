"""Turns pages into RECORD lines; records that nothing changes pass as the bytes Planhat sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_planhat.messages import encode
from tap_planhat.shapes import decode_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import msgspec

    from planhat_api import Page
    from tap_planhat.shapes import Shape


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

    def lines(self, page: Page, extracted: datetime) -> bytes:
        """The lines of a page, each ending in a newline."""
        if not page.raw:
            return b""
        after = self._version + b',"time_extracted":' + encode(extracted) + b"}\n"
        fits = self._shape.fits_page(page.body, page.raw)
        records = page.raw if fits else self._checked(page)
        return b"".join((self._before, (after + self._before).join(records), after))

    def _checked(self, page: Page) -> Iterator[bytes | msgspec.Raw]:
        for body in page.raw:
            yield body if self._shape.fits(body) else encode(self._shape.convert(decode_record(bytes(body))))
