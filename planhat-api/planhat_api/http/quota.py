"""Spends the tenant's call quota: no call goes out before its turn (B10)."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from pyrate_limiter import AbstractBucket, Duration, InMemoryBucket, Limiter, Rate, SQLiteBucket
from pyrate_limiter.limiter import SingleBucketFactory

from planhat_api.http.patience import Patience
from planhat_api.http.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

__all__ = ["NoTurnError", "Quota"]

PER_SECOND = 150
AT_ONCE = 50
TIDY_EVERY = 200
LONGEST_WAIT_FOR_FILE = 60
LONGEST_TICK = 0.5

_log = logging.getLogger("planhat_api")


class NoTurnError(Exception):
    """The turn of a call did not come before patience was over."""


class Quota:
    """The quota of one tenant, shared by threads and, through a file, by the processes of this machine.

    Attributes:
        waits: How long calls of this process waited for their turn.
    """

    def __init__(
        self,
        *,
        calls_per_minute: int,
        parallel_calls: int,
        file: Path | None,
        patience: Patience | None = None,
    ) -> None:
        """Opens the quota.

        Args:
            calls_per_minute: Calls that may go out in a minute.
            parallel_calls: How many calls may be on the way at once.
            file: Where to count together with other processes; None counts in memory. A file that cannot be used is
                a warning, not an error: the quota is soft.
            patience: Whether calls may wait for their turn; None for always.
        """
        self._patience = patience or Patience()
        self._rates = _rates(calls_per_minute)
        self.waits = Waits(calls_per_minute)
        self._turns = threading.BoundedSemaphore(min(parallel_calls, AT_ONCE))
        self._bucket = self._open(file)
        self._limiter = _limiter(self._bucket)
        self._resume_at = 0.0
        self._spent = 0
        self._closed = False

    @contextmanager
    def turn(self, *, counted: bool) -> Iterator[None]:
        """Wait for a turn and hold it for the length of a call.

        Args:
            counted: Whether the call counts; the analytics host is not counted (B10).

        Raises:
            NoTurnError: Nothing may wait any more.
        """
        with self._turns:
            if counted:
                self._spend()
            yield

    def pause(self, seconds: float) -> None:
        """Hold back all counted calls: Planhat said that the quota is used up."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def close(self) -> None:
        """Let go of the file. Calls that still wait for their turn fail."""
        self._closed = True
        self._bucket.close()

    def _spend(self) -> None:
        with self.waits.one() as look:
            if not self._patience.pause(self._resume_at - time.monotonic()):
                raise NoTurnError
            self._take_turn(look)

    def _take_turn(self, look: Callable[[], None]) -> None:
        try:
            self._acquire(look)
            self._spent += 1
            if self._spent % TIDY_EVERY == 0:
                self._bucket.leak(self._bucket.now())  # type: ignore[no-untyped-call]  # the library leaves it untyped
        except (sqlite3.Error, OSError) as error:
            if self._closed:
                raise
            self._forget_file(error)
            self._acquire(look)

    def _acquire(self, look: Callable[[], None]) -> None:
        # The library's own wait cannot be broken off.
        while not self._limiter.try_acquire("call", timeout=LONGEST_TICK):
            look()
            if self._patience.over:
                raise NoTurnError

    def _open(self, file: Path | None) -> AbstractBucket:
        if file is None:
            return InMemoryBucket(self._rates)
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _read_once(file)
            return _bucket_in(file, self._rates)
        except (sqlite3.Error, OSError) as error:
            _warn(error)
            return InMemoryBucket(self._rates)

    def _forget_file(self, error: Exception) -> None:
        _warn(error)
        with suppress(sqlite3.Error, OSError):
            self._bucket.close()
        self._bucket = InMemoryBucket(self._rates)
        self._limiter = _limiter(self._bucket)


def _read_once(file: Path) -> None:
    """Fail when the file is no database. The library would fail, too, but leave its connection open."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA schema_version").fetchone()


def _bucket_in(file: Path, rates: list[Rate]) -> SQLiteBucket:
    bucket = SQLiteBucket.init_from_file(rates, db_path=str(file))
    try:
        bucket.conn.execute(f"PRAGMA busy_timeout={LONGEST_WAIT_FOR_FILE * 1000}")
        bucket.conn.execute("PRAGMA journal_mode=WAL")
        bucket.conn.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        bucket.conn.close()
        raise
    bucket.lock = _Transaction(bucket.conn)  # type: ignore[assignment]  # all it does with a lock is to enter it
    return bucket


class _Transaction:
    """Keeps threads apart by a lock, and processes by a transaction that begins with the right to write.

    The library's own file lock does the same with a file opened and closed each time, at ten times the price.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # What succeeded was committed inside; the connection may be closed by now.
            with suppress(sqlite3.ProgrammingError):
                self._connection.rollback()
        finally:
            self._lock.release()


def _rates(per_minute: int) -> list[Rate]:
    per_second = Rate(min(PER_SECOND, per_minute), Duration.SECOND)
    if per_minute <= PER_SECOND:
        return [Rate(per_minute, Duration.MINUTE)]
    return [per_second, Rate(per_minute, Duration.MINUTE)]


def _limiter(bucket: AbstractBucket) -> Limiter:
    # Without the library's clean-up thread: tidying now and then costs less and ends with the client.
    return Limiter(SingleBucketFactory(bucket, schedule_leak=False))


def _warn(error: Exception) -> None:
    _log.warning("The quota file cannot be used (%s); this process now counts its calls for itself", error)
