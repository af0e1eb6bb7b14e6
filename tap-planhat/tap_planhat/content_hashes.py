"""Remembers what rows held, to leave out those whose only change is their timestamp (B34)."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.errors import ConfigurationError
from planhat_api.output import OutputError
from planhat_api.paths import path_in
from tap_planhat.shapes import decode_record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_TABLE = """
CREATE TABLE IF NOT EXISTS content (
    history TEXT NOT NULL, stream TEXT NOT NULL, id TEXT NOT NULL, hash BLOB NOT NULL, run INTEGER NOT NULL,
    PRIMARY KEY (history, stream, id)
) WITHOUT ROWID
"""
_HASH_SIZE = 16


@dataclass(frozen=True)
class Run:
    """A run among those that share a state.

    Attributes:
        history: Names the state: what another pipeline passed on to its loader says nothing of this one's.
        number: Counts the runs.
    """

    history: str
    number: int

    @classmethod
    def after(cls, state: Mapping[str, Any] | None) -> Run:
        """The run after the one whose state came back; None for the first."""
        if state is None:
            return cls(uuid.uuid4().hex, 1)
        return cls(state["history"], state["number"] + 1)

    def to_state(self) -> dict[str, Any]:
        """What the state carries to the next run."""
        return asdict(self)


class ContentHashes:
    """The hashes of one stream's rows, in a file that outlives the run.

    The state carries the run to the next one together with the bookmark. What a run wrote whose state never came back
    is forgotten: its rows may not have reached the loader.

    Args:
        path: SQLite file; made when it is not there.
        stream: Name of the stream.
        run: This run.
        stamps: Fields that do not count as content.
    """

    def __init__(self, path: str, stream: str, *, run: Run, stamps: Collection[str]) -> None:
        """Open the file and forget what was never acknowledged.

        Raises:
            ConfigurationError: The file cannot be used.
        """
        self.run = run
        self._path = path
        self._stream = stream
        self._stamps = stamps
        file = path_in("content_hash_file", path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(file)
            self._file.execute(_TABLE)
        except (OSError, ValueError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(
                setting="content_hash_file",
                message=f"{path!r} cannot be used ({reason}); name a file in a folder that can be written to",
            ) from None
        self._file.execute(
            "DELETE FROM content WHERE history = ? AND stream = ? AND run >= ?", (run.history, stream, run.number)
        )

    def changed(self, ids: Sequence[str | None], records: Sequence[msgspec.Raw]) -> list[bool]:
        """Whether each row differs from what was passed on last; a row without an id always counts as changed.

        Raises:
            OutputError: The file cannot be written.
        """
        hashes = [self._hash(record) for record in records]
        known = self._known([key for key in ids if key])
        changes = [key is None or known.get(key) != content for key, content in zip(ids, hashes, strict=True)]
        rows = zip(ids, hashes, changes, strict=True)
        new = [
            (self.run.history, self._stream, key, content, self.run.number)
            for key, content, changed in rows
            if changed and key
        ]
        with self._told_if_full():
            self._file.executemany("INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?, ?)", new)
        return changes

    def keep(self) -> None:
        """Make the run's hashes last; to be called when all its rows were passed on.

        Raises:
            OutputError: The file cannot be written.
        """
        with self._told_if_full():
            self._file.commit()

    def close(self) -> None:
        """Close the file; what was not kept is forgotten."""
        self._file.close()

    @contextmanager
    def _told_if_full(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = f"content_hash_file: {self._path!r} cannot be written: {error}"
            raise OutputError(message) from None

    def _known(self, ids: Sequence[str]) -> dict[str, bytes]:
        rows = self._file.execute(
            "SELECT id, hash FROM content WHERE history = ? AND stream = ? AND id IN (SELECT value FROM json_each(?))",
            (self.run.history, self._stream, msgspec.json.encode(ids).decode()),
        )
        return dict(rows.fetchall())

    def _hash(self, record: msgspec.Raw) -> bytes:
        content = {name: value for name, value in decode_record(bytes(record)).items() if name not in self._stamps}
        return blake2b(msgspec.json.encode(content, order="sorted"), digest_size=_HASH_SIZE).digest()
