"""Delays calls so that they stay within the tenant's quota (B10)."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from pyrate_limiter import AbstractBucket, Duration, InMemoryBucket, Limiter, Rate, SQLiteBucket
from pyrate_limiter.limiter import SingleBucketFactory

from planhat_api.http.deadline import Deadline
from planhat_api.http.quota_waits import QuotaWaits

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
    """The deadline was set while a call waited for the quota."""


class Quota:
    """The quota of one tenant, which threads share, and processes of this machine through a file.

    Attributes:
        waits: How long calls of this process waited for the quota.
    """

    def __init__(
        self,
        *,
        calls_per_minute: int,
        parallel_calls: int,
        file: Path | None,
        deadline: Deadline | None = None,
    ) -> None:
        """Open the quota.

        Args:
            calls_per_minute: Calls that are allowed in a minute.
            parallel_calls: Calls that are allowed at the same time.
            file: File in which processes count their calls together; None counts in memory. A file that cannot be used
                only causes a warning, because a call above the quota does no harm.
            deadline: Ends the wait of calls; None for no deadline.
        """
        self._deadline = deadline or Deadline()
        self._rates = _rates(calls_per_minute)
        self.waits = QuotaWaits(calls_per_minute)
        self._turns = threading.BoundedSemaphore(min(parallel_calls, AT_ONCE))
        self._bucket = self._open(file)
        self._limiter = _limiter(self._bucket)
        self._resume_at = 0.0
        self._spent = 0
        self._closed = False

    @contextmanager
    def turn(self, *, counted: bool) -> Iterator[None]:
        """Wait for the quota. The ``with`` block contains one call.

        Args:
            counted: Whether the call counts in the quota; calls to the analytics host do not (B10).

        Raises:
            NoTurnError: The deadline is set, so nothing may wait any more.
        """
        with self._turns:
            if counted:
                self._spend()
            yield

    def pause(self, seconds: float) -> None:
        """Delay all calls that count, because Planhat answered that the quota is used up."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def close(self) -> None:
        """Close the file. Calls that still wait fail."""
        self._closed = True
        self._bucket.close()

    def _spend(self) -> None:
        with self.waits.waiting() as report:
            if not self._deadline.wait(self._resume_at - time.monotonic()):
                raise NoTurnError
            self._take_turn(report)

    def _take_turn(self, report: Callable[[], None]) -> None:
        try:
            self._acquire(report)
            self._spent += 1
            if self._spent % TIDY_EVERY == 0:
                self._bucket.leak(self._bucket.now())  # type: ignore[no-untyped-call]  # the library leaves it untyped
        except (sqlite3.Error, OSError) as error:
            if self._closed:
                raise
            self._forget_file(error)
            self._acquire(report)

    def _acquire(self, report: Callable[[], None]) -> None:
        # The library's own wait cannot be interrupted.
        while not self._limiter.try_acquire("call", timeout=LONGEST_TICK):
            report()
            if self._deadline.is_set:
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
    """Fail if the file is not a database. The library would fail too, but would not close its connection."""
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
    bucket.lock = _Transaction(bucket.conn)  # type: ignore[assignment]  # the library only uses it in a with statement
    return bucket


class _Transaction:
    """A lock for threads and processes: a thread lock, and a database transaction that may write from its start.

    The library's own file lock does the same, but opens and closes a file each time, which takes ten times as long.
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
            # Successful changes are already committed. The connection may already be closed.
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
    # Without the library's clean-up thread: an occasional clean-up costs less, and nothing outlives the client.
    return Limiter(SingleBucketFactory(bucket, schedule_leak=False))


def _warn(error: Exception) -> None:
    _log.warning("The quota file cannot be used (%s); this process now counts only its own calls", error)
