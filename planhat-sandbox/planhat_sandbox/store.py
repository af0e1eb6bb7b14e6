"""Stores the rows of the tenant as encoded JSON objects."""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Collection", "Row", "Seeded", "Store", "Value", "value_at"]

Value = Any
Row = dict[str, Value]

# Bytes of generated rows that a collection keeps. Further rows are generated again each time they are read.
_KEEP_BYTES = 192 * 1024 * 1024

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Seeded(Protocol):
    """Rows that are generated when they are first read.

    ``columns`` returns single fields without generating the row, so that keys can be searched in large tenants.
    """

    @property
    def columns(self) -> Mapping[str, Callable[[int], Value]]:
        """Functions from the index of a row to the value of a field."""

    def __len__(self) -> int:
        """Number of rows."""

    def id(self, index: int) -> str:
        """The ``_id`` at an index."""

    def row(self, index: int) -> Row:
        """The whole row at an index, the same each time."""


def value_at(row: Mapping[str, Value], path: str) -> Value:
    """The value at a dotted path; None if there is none."""
    if path in row:
        return row[path]
    head, dot, rest = path.partition(".")
    inner = row.get(head)
    return value_at(inner, rest) if dot and isinstance(inner, dict) else None


class _Journal:
    """Keeps the former state of changed rows, so that changes can be undone."""

    def __init__(self) -> None:
        self.open = False
        self.entries: list[tuple[Collection, str, bytes | int | None]] = []

    def undo(self) -> None:
        for collection, row_id, cell in reversed(self.entries):
            collection.restore(row_id, cell)
        self.entries.clear()


class Collection:
    """The rows of one path in the order they were inserted. Callers hold the lock of the store."""

    def __init__(self, seeded: Seeded | None = None, journal: _Journal | None = None) -> None:
        """Take the rows to start with, and the journal for changes that may be undone."""
        self._seeded = seeded
        self._journal = journal or _Journal()
        # The encoded row, or the index of a seeded row that is not changed.
        self._cells: dict[str, bytes | int] | None = None
        self._made: dict[int, bytes] = {}
        self._made_bytes = 0
        self._columns: dict[str, dict[str, Value]] = {}
        # By field, and by whether upper and lower case are ignored.
        self._indexes: dict[tuple[str, bool], dict[Value, dict[str, None]]] = {}
        self.version = 0

    @property
    def _rows(self) -> dict[str, bytes | int]:
        if self._cells is None:
            seeded = self._seeded
            self._cells = {} if seeded is None else {seeded.id(index): index for index in range(len(seeded))}
        return self._cells

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._seeded or ()) if self._cells is None else len(self._cells)

    def __contains__(self, row_id: object) -> bool:
        """Whether a row has this ``_id``."""
        return row_id in self._rows

    def ids(self) -> list[str]:
        """Every ``_id`` in the order of insertion."""
        return list(self._rows)

    def raw(self, row_id: str) -> bytes:
        """One row as JSON."""
        cell = self._rows[row_id]
        if isinstance(cell, bytes):
            return cell
        return self._made.get(cell) or self._make(cell)

    def _make(self, index: int) -> bytes:
        if self._seeded is None:
            raise IndexError(index)
        encoded = _encode(self._seeded.row(index))
        if self._made_bytes < _KEEP_BYTES:
            self._made_bytes += len(encoded)
            self._made[index] = encoded
        return encoded

    def get(self, row_id: str) -> Row | None:
        """A copy of one row; None if there is none."""
        return _decode(self.raw(row_id)) if row_id in self._rows else None

    def rows(self) -> Iterator[Row]:
        """Copies of all rows."""
        return (_decode(self.raw(row_id)) for row_id in self.ids())

    def put(self, row: Row) -> None:
        """Store a row under its ``_id``, and replace an existing one."""
        row_id = row["_id"]
        self._note(row_id)
        for name, column in self._columns.items():
            value = value_at(row, name)
            self._reindex(name, row_id, column.get(row_id), value)
            column[row_id] = value
        self._rows[row_id] = _encode(row)
        self.version += 1

    def remove(self, row_id: str) -> None:
        """Delete one row."""
        self._note(row_id)
        self._drop(row_id)

    def _drop(self, row_id: str) -> None:
        for name, column in self._columns.items():
            self._reindex(name, row_id, column.pop(row_id, None), None)
        del self._rows[row_id]
        self.version += 1

    def _note(self, row_id: str) -> None:
        if self._journal.open:
            self._journal.entries.append((self, row_id, self._rows.get(row_id)))

    def restore(self, row_id: str, cell: bytes | int | None) -> None:
        """Restore the former state of a row."""
        if cell is None:
            self._drop(row_id)
            return
        self._rows[row_id] = cell
        self._columns.clear()
        self._indexes.clear()
        self.version += 1

    def column(self, name: str) -> Mapping[str, Value]:
        """One field of all rows by ``_id``."""
        if name not in self._columns:
            quick = self._seeded.columns.get(name) if self._seeded is not None else None
            self._columns[name] = {
                row_id: quick(cell) if quick and isinstance(cell, int) else value_at(_decode(self.raw(row_id)), name)
                for row_id, cell in self._rows.items()
            }
        return self._columns[name]

    def find(self, name: str, value: object, *, ignore_case: bool = False) -> list[str]:
        """The ids of the rows whose field has this value, or contains it if the field is an array.

        With ``ignore_case``, the value must be in lower case (``casefold``).
        """
        key_of_index = (name, ignore_case)
        if key_of_index not in self._indexes:
            index: dict[Value, dict[str, None]] = {}
            for row_id, found in self.column(name).items():
                for key in _keys(found, ignore_case=ignore_case):
                    index.setdefault(key, {})[row_id] = None
            self._indexes[key_of_index] = index
        return list(self._indexes[key_of_index].get(value, ()))

    def _reindex(self, name: str, row_id: str, before: object, after: object) -> None:
        if before == after:
            return
        for ignore_case in (False, True):
            index = self._indexes.get((name, ignore_case))
            if index is None:
                continue
            for key in _keys(before, ignore_case=ignore_case):
                index.get(key, {}).pop(row_id, None)
            for key in _keys(after, ignore_case=ignore_case):
                index.setdefault(key, {})[row_id] = None


def _keys(value: object, *, ignore_case: bool) -> list[Value]:
    several = [item for item in value if isinstance(item, str)] if isinstance(value, list) else [value]
    held = [item for item in several if isinstance(item, (str, int, float))]
    return [item.casefold() if ignore_case and isinstance(item, str) else item for item in held]


class Store:
    """All collections by path, with one lock for all of them."""

    def __init__(self, seeded: Mapping[str, Seeded | None]) -> None:
        """Take the rows to start with, by path."""
        self.lock = RLock()
        self._journal = _Journal()
        self._collections = {path: Collection(rows, self._journal) for path, rows in seeded.items()}

    def __getitem__(self, path: str) -> Collection:
        """The rows of one path."""
        return self._collections[path]

    def __contains__(self, path: object) -> bool:
        """Whether there is a collection for this path."""
        return path in self._collections

    def paths(self) -> list[str]:
        """All paths with a collection."""
        return list(self._collections)

    @contextmanager
    def undoable(self) -> Iterator[Callable[[], None]]:
        """Hold the lock, and yield a function that undoes the changes of the ``with`` block."""
        with self.lock:
            self._journal.open = True
            try:
                yield self._journal.undo
            finally:
                self._journal.open = False
                self._journal.entries.clear()
