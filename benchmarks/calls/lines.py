"""Reads what a tap wrote to a file: the ids of its records, and its last STATE."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20
_POINTS = "dimension_data"


class Saved(threading.Thread):
    """Copies a pipe into a file, to be read when the run is over: reading it costs more than the copy."""

    def __init__(self, descriptor: int, path: Path) -> None:
        """Copy from ``descriptor`` once started."""
        super().__init__(daemon=True)
        self._descriptor = descriptor
        self._path = path

    def run(self) -> None:
        """Copy until the writer is gone."""
        with self._path.open("wb", buffering=0) as file:
            while piece := os.read(self._descriptor, _CHUNK):
                file.write(piece)
        os.close(self._descriptor)


@dataclass
class Points:
    """Metric points, of which there are too many to keep each id.

    Attributes:
        count: Their number.
        total: The sum of their ids, which are hexadecimal numbers.
    """

    count: int = 0
    total: int = 0

    def add(self, row_id: str) -> None:
        """Add one."""
        self.count += 1
        self.total += int(row_id, 16)


@dataclass
class Written:
    """What a tap wrote.

    Attributes:
        rows: Number of records.
        ids: The ``_id``s by stream, without those of metric points.
        points: The metric points.
        state: The value of the last STATE as JSON; None if there was none.
    """

    rows: int = 0
    ids: dict[str, set[str]] = field(default_factory=dict)
    points: Points = field(default_factory=Points)
    state: bytes | None = None

    def add(self, stream: str, row_id: str) -> None:
        """Add one record."""
        self.rows += 1
        if stream == _POINTS:
            self.points.add(row_id)
        else:
            self.ids.setdefault(stream, set()).add(row_id)


class _Row(msgspec.Struct, gc=False):
    id: str = msgspec.field(name="_id")


class _Message(msgspec.Struct, gc=False):
    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()


class _Emitted(msgspec.Struct, gc=False):
    stream: str
    data: _Row


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_row = msgspec.json.Decoder(_Row).decode
_decode_emitted = msgspec.json.Decoder(_Emitted).decode


def of_singer(path: Path) -> Written:
    """What a Singer tap wrote.

    Raises:
        msgspec.DecodeError: A line is no Singer message, or a record has no ``_id``.
    """
    written = Written()
    with path.open("rb") as lines:
        for line in lines:
            message = _decode_message(line)
            if message.type == "RECORD":
                written.add(message.stream, _decode_row(message.record).id)
            elif message.type == "STATE":
                written.state = bytes(message.value)
    return written


def of_airbyte(path: Path) -> Written:
    """What a source wrote in Airbyte's protocol; raises as ``of_singer``."""
    written = Written()
    with path.open("rb") as lines:
        for line in lines:
            message = _decode_message(line)
            if message.type == "RECORD":
                record = _decode_emitted(message.record)
                written.add(record.stream, record.data.id)
    return written
