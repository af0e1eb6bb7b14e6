"""Remembers what rows held, to leave out those whose only change is their timestamp (B34)."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tap_planhat.shapes import decode_record

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_TABLE = """
CREATE TABLE IF NOT EXISTS content (
    stream TEXT NOT NULL, id TEXT NOT NULL, hash BLOB NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (stream, id)
) WITHOUT ROWID
"""
_HASH_SIZE = 16


class ContentHashes:
    """The hashes of one stream's rows, in a file that outlives the run.

    Each run has a number, which the state carries to the next run together with the bookmark. What a run wrote whose
    number never came back is forgotten: its rows may not have reached the loader.

    Args:
        path: SQLite file; made when it is not there.
        stream: Name of the stream.
        acknowledged: Number of the last run whose state came back; None for none.
        stamps: Fields that do not count as content.
    """

    def __init__(self, path: str, stream: str, *, acknowledged: int | None, stamps: Collection[str]) -> None:
        """Open the file and forget what was never acknowledged."""
        self.run = (acknowledged or 0) + 1
        self._stream = stream
        self._stamps = stamps
        Path(path).expanduser().parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(Path(path).expanduser())
        self._file.execute(_TABLE)
        self._file.execute("DELETE FROM content WHERE stream = ? AND run >= ?", (stream, self.run))

    def changed(self, ids: Sequence[str | None], records: Sequence[msgspec.Raw]) -> list[bool]:
        """Whether each row differs from what was passed on last; a row without an id always counts as changed."""
        hashes = [self._hash(record) for record in records]
        known = self._known([key for key in ids if key])
        changes = [key is None or known.get(key) != content for key, content in zip(ids, hashes, strict=True)]
        rows = zip(ids, hashes, changes, strict=True)
        self._file.executemany(
            "INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?)",
            [(self._stream, key, content, self.run) for key, content, changed in rows if changed and key],
        )
        return changes

    def keep(self) -> None:
        """Make the run's hashes last; to be called when all its rows were passed on."""
        self._file.commit()

    def close(self) -> None:
        """Close the file; what was not kept is forgotten."""
        self._file.close()

    def _known(self, ids: Sequence[str]) -> dict[str, bytes]:
        rows = self._file.execute(
            "SELECT id, hash FROM content WHERE stream = ? AND id IN (SELECT value FROM json_each(?))",
            (self._stream, msgspec.json.encode(ids).decode()),
        )
        return dict(rows.fetchall())

    def _hash(self, record: msgspec.Raw) -> bytes:
        content = {name: value for name, value in decode_record(bytes(record)).items() if name not in self._stamps}
        return blake2b(msgspec.json.encode(content, order="sorted"), digest_size=_HASH_SIZE).digest()
