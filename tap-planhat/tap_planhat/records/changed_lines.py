"""Turns pages into RECORD lines of records that the selection of fields, or stream maps, change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_planhat.output.messages import encode
from tap_planhat.records.conversion import decode_record, is_plain, is_utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime

    from planhat_api import Page
    from tap_planhat.records.conversion import RecordConverter

    Record = dict[str, Any]

_RECORDS_AT_A_TIME = 100

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True)
class OutputStream:
    """A stream that the records of a stream go to.

    Attributes:
        name: Its name.
        transform: Gives the record as its stream map makes it, None for a record that it leaves out. None if the record
            stays as it is.
    """

    name: str
    transform: Callable[[Record], Record | None] | None


class ChangedLineMaker:
    """Writes the RECORD lines of one stream.

    Args:
        outputs: The streams its records go to.
        converter: Converts its records.
        version: Version of the full table, if the run has one.
        fields: Fields to write; None for all.
        deselect: Removes from a record what is deselected inside of its fields; None if nothing is.
    """

    def __init__(
        self,
        outputs: Sequence[OutputStream],
        converter: RecordConverter,
        version: int | None,
        *,
        fields: Collection[str] | None,
        deselect: Callable[[Record], None] | None,
    ) -> None:
        """Prepare the text around each record."""
        self._converter = converter
        self._fields = fields
        self._deselect = deselect
        self._outputs = [
            (b'{"type":"RECORD","stream":' + encode(output.name) + b',"record":', output.transform)
            for output in outputs
        ]
        self._version = b"" if version is None else b',"version":' + encode(version)
        self._writes_members = deselect is None and all(output.transform is None for output in outputs)

    def lines(self, page: Page, extracted: datetime) -> Iterator[bytes]:
        """The lines of a page, each with a newline, in small pieces."""
        after = self._version + b',"time_extracted":' + encode(extracted) + b"}\n"
        plain = page.conforms or is_plain(page.body)
        for first in range(0, len(page.raw), _RECORDS_AT_A_TIME):
            records = page.raw[first : first + _RECORDS_AT_A_TIME]
            conform = page.conforms or (plain and self._converter.all_conform(records))
            made: list[bytes] = []
            try:
                for body in records:
                    made.extend(self._lines_of(body, after, conforms=conform))
            except Exception:
                # What came before the record on which a map fails is written, as the SDK does.
                yield b"".join(made)
                raise
            yield b"".join(made)

    def _lines_of(self, body: msgspec.Raw, after: bytes, *, conforms: bool) -> Iterator[bytes]:
        """The lines of one record.

        Args:
            body: The record.
            after: The text behind it.
            conforms: Whether it is known to need no conversion.
        """
        if not conforms:
            text = bytes(body)
            conforms = is_plain(text) and is_utf8(text) and self._converter.fields_conform((body,))
        if conforms and self._writes_members:
            members = _decode_members(body)
            record = encode(members if self._fields is None else self._chosen(members))
            for before, _ in self._outputs:
                yield before + record + after
            return
        for before, transform in self._outputs:
            made = self._record(bytes(body), conforms=conforms)
            changed = made if transform is None else transform(made)
            if changed is not None:
                yield before + encode(changed) + after

    def _record(self, body: bytes, *, conforms: bool) -> Record:
        record = decode_record(body)
        if self._fields is not None:
            record = self._chosen(record)
        if not conforms:
            # The converter adds a field of its own, which may be deselected.
            record = self._converter.convert(record)
            if self._fields is not None:
                record = self._chosen(record)
        if self._deselect is not None:
            self._deselect(record)
        return record

    def _chosen(self, record: dict[str, Any]) -> dict[str, Any]:
        fields = self._fields or ()
        return {name: value for name, value in record.items() if name in fields}
