"""Counts the calls of the last minute, in memory or in a file, and keeps the pause after a 429 beside them."""

from __future__ import annotations

import sqlite3
import threading
import time
from bisect import bisect_left
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, cast

from pyrate_limiter import InMemoryBucket, SQLiteBucket

from planhat_api.http.quota_pause import Pause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from pyrate_limiter import AbstractBucket, Rate, RateItem

__all__ = ["FileBucket", "MemoryBucket"]

_LONGEST_WAIT_FOR_FILE = 60
_MINUTE = 60_000  # ms
_TABLE = "rate_bucket"


class MemoryBucket(InMemoryBucket):
    """Counts the calls of this process."""

    def __init__(self, rates: list[Rate]) -> None:
        """Start without a call and without a pause."""
        super().__init__(rates)
        self._pause = Pause()

    def now(self) -> int:
        """Milliseconds of a clock that is never set."""
        return time.monotonic_ns() // 1_000_000

    def put(self, item: RateItem) -> bool:
        """Take a turn if there is one.

        Raises:
            PausedError: No call may go out now.
        """
        with self._lock:
            after = self._pause.check(time.monotonic())
            is_taken = super().put(item)
            self._pause = after if is_taken else self._pause
        return is_taken

    def pause(self, seconds: float) -> None:
        """Let no call go out for some seconds."""
        with self._lock:
            self._pause = self._pause.extended(time.monotonic(), seconds)

    def spare(self) -> int:
        """Calls that could go out right now."""
        now = self.now()
        with self._lock:
            taken = [item.timestamp for item in self.items]
            pause = self._pause
        return _spare(self, pause, time.monotonic(), lambda rate: len(taken) - bisect_left(taken, now - rate.interval))


class FileBucket(SQLiteBucket):
    """Counts the calls of all processes that use the file, and keeps one pause for all of them.

    Every method raises ``sqlite3.Error`` or ``OSError`` if the file cannot be used.
    """

    lock: _Transaction  # type: ignore[assignment]  # the library only uses it in a with statement

    @classmethod
    def open(cls, file: Path, rates: list[Rate]) -> FileBucket:
        """Open the file, or create it and its folder."""
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _read_once(file)
        bucket = cast("FileBucket", cls.init_from_file(rates, table=_TABLE, db_path=str(file)))
        try:
            bucket.conn.execute(f"PRAGMA busy_timeout={_LONGEST_WAIT_FOR_FILE * 1000}")
            bucket.conn.execute("PRAGMA journal_mode=WAL")
            bucket.conn.execute("PRAGMA synchronous=NORMAL")
            bucket.conn.execute(
                "CREATE TABLE IF NOT EXISTS pause (id INTEGER PRIMARY KEY, until REAL, step REAL, first_calls INTEGER)"
            )
            # Calls of the future were counted before the clock was set back. They would count until then.
            bucket.conn.execute(f"DELETE FROM {_TABLE} WHERE item_timestamp > ?", (bucket.now() + _MINUTE,))  # noqa: S608 - the name is a constant
            bucket.conn.commit()
        except sqlite3.Error:
            bucket.conn.close()
            raise
        bucket.lock = _Transaction(bucket.conn)
        return bucket

    def now(self) -> int:
        """Milliseconds of the clock that all processes have."""
        return time.time_ns() // 1_000_000

    def put(self, item: RateItem) -> bool:
        """Take a turn if there is one.

        Raises:
            PausedError: No call may go out now.
        """
        with self.lock:
            pause = self._read_pause()
            after = pause.check(time.time())
            if after is not pause:
                self._write_pause(after)
            # This commits if there is a turn. If there is none, the transaction is undone, also what it wrote above.
            return bool(super().put(item))

    def pause(self, seconds: float) -> None:
        """Let no call of any process go out for some seconds."""
        with self.lock:
            self._write_pause(self._read_pause().extended(time.time(), seconds))
            self.lock.connection.commit()

    def spare(self) -> int:
        """Calls that could go out right now. It waits for no other process."""
        now = self.now()
        query = f"SELECT COUNT(*) FROM {_TABLE} WHERE item_timestamp >= ?"  # noqa: S608 - the name is a constant
        with self.lock.of_threads():
            return _spare(
                self,
                self._read_pause(),
                time.time(),
                lambda rate: int(self.lock.connection.execute(query, (now - rate.interval,)).fetchone()[0]),
            )

    def _read_pause(self) -> Pause:
        row = self.lock.connection.execute("SELECT until, step, first_calls FROM pause").fetchone()
        return Pause(*row) if row else Pause()

    def _write_pause(self, pause: Pause) -> None:
        row = (pause.until, pause.step, pause.first_calls)
        self.lock.connection.execute("INSERT OR REPLACE INTO pause VALUES (1, ?, ?, ?)", row)


def _spare(bucket: AbstractBucket, pause: Pause, now: float, taken: Callable[[Rate], int]) -> int:
    if pause.left(now):
        return 0
    free = max(0, min(rate.limit - taken(rate) for rate in bucket.rates))
    return min(free, 1) if pause.is_slow(now) else free


def _read_once(file: Path) -> None:
    """Fail if the file is not a database. The library would fail too, but would not close its connection."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA schema_version").fetchone()


class _Transaction:
    """A lock for threads and processes: a thread lock, and a database transaction that may write from its start.

    The library's own file lock does the same, but opens and closes a file each time, which takes ten times as long.
    A thread that holds it may take it again; all of it is one transaction.

    Attributes:
        connection: The connection, which also a closed bucket has.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._lock = threading.RLock()
        self._depth = 0

    @contextmanager
    def of_threads(self) -> Iterator[None]:
        """Take the lock for the threads of this process only, to read."""
        with self._lock:
            yield

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            if not self._depth:
                self.connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        try:
            # Successful changes are already committed. The connection may already be closed.
            if not self._depth:
                with suppress(sqlite3.ProgrammingError):
                    self.connection.rollback()
        finally:
            self._lock.release()
