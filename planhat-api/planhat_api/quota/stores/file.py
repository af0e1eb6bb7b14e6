"""Keeps the book in a file, for the processes of one machine."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from planhat_api.quota.book import read_book, write_book
from planhat_api.quota.stores.store import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from planhat_api.quota.stores.store import Change

__all__ = ["FileStore"]

_TIMEOUT = 5
"""Seconds in which another process must be ready with the file. No signal ends this wait."""
_T = TypeVar("_T")


class FileStore:
    """A book in an SQLite database, by the clock of the machine."""

    def __init__(self, file: Path) -> None:
        """Open the file, or create it and its folder.

        Raises:
            StoreError: The file cannot be used.
        """
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(file, timeout=_TIMEOUT, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(str(error)) from None
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute("CREATE TABLE IF NOT EXISTS book (id INTEGER PRIMARY KEY, text BLOB)")
        except sqlite3.Error as error:
            self.close()
            raise StoreError(str(error)) from None

    def transact(self, change: Change[_T]) -> _T:
        """Change the book in one step, which no other process sees half.

        Raises:
            StoreError: The file cannot be used.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = self._changed(change)
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(str(error)) from None
        return result

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _changed(self, change: Change[_T]) -> _T:
        found = self._connection.execute("SELECT text FROM book").fetchone()
        text = found[0] if found else None
        # Someone else may have written something else.
        book = read_book(text if isinstance(text, bytes) else None)
        after, result = change(book, time.time_ns() // 1_000_000)
        if after is not book:
            self._connection.execute("INSERT OR REPLACE INTO book VALUES (1, ?)", (write_book(after),))
        return result
