"""Keeps the rows of a plan until the end of the run, in a private temporary file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.plugin.output import OutputError
from target_planhat.record_line import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PlannedRow", "PlannedRows"]

_TABLE = (
    "create table planned (identity text primary key, rank integer, stream text, path text, key text, row blob, "
    "expected blob) without rowid"
)
# In one order and without spaces: equal rows have equal bytes, whatever the form of their records was.
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_decode_expected = msgspec.json.Decoder(Expectation).decode


class PlannedRow(msgspec.Struct):
    """One row of a plan.

    Attributes:
        stream: Its stream.
        path: Path of its model.
        row: The row as it is sent.
        expected: What it expects to find.
    """

    stream: str
    path: str
    row: bytes
    expected: Expectation


class PlannedRows:
    """The rows of a plan. Rows for one record become one row.

    Attributes:
        fields: The fields of the rows of each stream.
    """

    def __init__(self) -> None:
        """Create the file. It has no name, and is deleted when it is closed."""
        self.fields: dict[str, set[str]] = {}
        self._file = sqlite3.connect("", check_same_thread=False)
        for setting in ("journal_mode = off", "synchronous = off"):
            self._file.execute(f"pragma {setting}")
        self._file.execute(_TABLE)

    def add(self, identity: str, rank: int, planned: PlannedRow) -> None:
        """Add a row.

        Args:
            identity: What is the same for all rows of one record.
            rank: Place of its model in the order in which models are sent.
            planned: The row.

        Raises:
            OutputError: The disk is full.
        """
        with _file_errors():
            self._add(identity, rank, planned)

    def _add(self, identity: str, rank: int, planned: PlannedRow) -> None:
        found = self._file.execute("select row, expected from planned where identity = ?", (identity,)).fetchone()
        if found is not None:
            planned = _joined(planned, *found)
        row = _decode(planned.row)
        fields = self.fields.setdefault(planned.stream, set())
        # A record that is deleted is compared in fields that its row does not have.
        fields.update(row, (name.partition(".")[0] for name in planned.expected.before))
        key = "\0".join(planned.expected.key or (identity,))
        values = (
            identity,
            rank,
            planned.stream,
            planned.path,
            key,
            _encode(row),
            _encode(planned.expected),
        )
        self._file.execute("insert or replace into planned values (?, ?, ?, ?, ?, ?, ?)", values)

    def remove(self, identity: str) -> bool:
        """Remove the row of a record. False if there is none. Raises as ``add``."""
        with _file_errors():
            return self._file.execute("delete from planned where identity = ?", (identity,)).rowcount > 0

    def __iter__(self) -> Iterator[PlannedRow]:
        """The rows, parents before children. Equal plans have them in the same order."""
        rows = self._file.execute(
            "select stream, path, row, expected from planned order by rank, stream, key, identity"
        )
        for stream, path, row, expected in rows:
            yield PlannedRow(stream, path, row, _decode_expected(expected))

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        message = f"the temporary file of the plan cannot be used: {error}"
        raise OutputError(message) from error


def _joined(later: PlannedRow, row: bytes, expected: bytes) -> PlannedRow:
    """One row with the effect of an earlier row and this one."""
    first = _decode_expected(expected)
    if later.expected.action == "delete":
        return PlannedRow(later.stream, later.path, later.row, later.expected)
    earlier, last = _decode(row), _decode(later.row)
    whole = {**earlier, **last}
    if isinstance(earlier.get("custom"), dict) and isinstance(last.get("custom"), dict):
        whole["custom"] = {**earlier["custom"], **last["custom"]}
    before = {**later.expected.before, **first.before}
    return PlannedRow(later.stream, later.path, _encode(whole), msgspec.structs.replace(first, before=before))
