"""Delays calls so that they stay within the tenant's quota (B10)."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from pyrate_limiter import Duration, Limiter, Rate, RateItem
from pyrate_limiter.limiter import SingleBucketFactory

from planhat_api.http.deadline import Deadline
from planhat_api.http.places import Places
from planhat_api.http.quota_buckets import FileBucket, MemoryBucket
from planhat_api.http.quota_pause import PausedError
from planhat_api.http.quota_waits import QuotaWaits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from planhat_api.http.quota_waits import Wait

__all__ = ["NoTurnError", "Quota"]

PER_SECOND = 150
AT_ONCE = 50
TIDY_EVERY = 200
LONGEST_TICK = 0.5
LONGEST_TICK_OF_PAUSE = 30.0

_log = logging.getLogger("planhat_api")


class NoTurnError(Exception):
    """The deadline was set while a call waited for the quota."""


class Quota:
    """The quota of one tenant, which threads share, and processes of this machine through a file.

    A 429 holds back the counted calls of all of them (``pause``), also of processes that start later. It cannot call
    back calls that are already on their way. After the pause, the first calls go out one after the other, each of them
    a fraction of a second after the one before. The calls of other programs are in no file: if they use up the quota, a
    turn may be granted for which Planhat has no room. Then its 429 begins the next pause, for all of them again.

    Attributes:
        waits: How long calls of this process waited for the quota.
        is_shared: Whether other processes share this quota.
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
        self._places = Places(min(parallel_calls, AT_ONCE))
        self._bucket = self._open(file)
        self._limiter = _limiter(self._bucket)
        self._replacing = threading.Lock()
        self._resume_at = 0.0
        self._spent = 0
        self._closed = False

    @property
    def is_shared(self) -> bool:
        """Whether other processes share this quota."""
        return isinstance(self._bucket, FileBucket)

    @contextmanager
    def turn(self, *, counted: bool) -> Iterator[None]:
        """Wait for the quota. The ``with`` block contains one call.

        Args:
            counted: Whether the call counts in the quota; calls to the analytics host do not (B10).

        Raises:
            NoTurnError: The deadline is set, so nothing may wait any more.
        """
        with self._places.one():
            if counted:
                self._spend()
            yield

    def pause(self, seconds: float) -> None:
        """Hold back all calls that count, because Planhat answered that the quota is used up.

        Args:
            seconds: How long. A pause that lasts longer already stays as it is, and none is longer than
                ``LONGEST_PAUSE``.
        """
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)
        bucket = self._bucket
        try:
            bucket.pause(seconds)
        except (sqlite3.Error, OSError) as error:
            # The new bucket knows of the pause.
            self._forget_file(bucket, error)

    def spare(self) -> int:
        """Calls that could go out right now without waiting for the quota; 0 during a pause.

        It is counted anew each time, with the calls of all processes that share the file. Other threads and processes
        may take these turns before the caller does. Shortly after a pause it is at most 1. It does not consider how
        many calls may be under way at the same time.
        """
        bucket = self._bucket
        try:
            return bucket.spare()
        except (sqlite3.Error, OSError) as error:
            self._forget_file(bucket, error)
            return 0

    def close(self) -> None:
        """Close the file. Calls that still wait fail."""
        self._closed = True
        self._bucket.close()

    def _spend(self) -> None:
        with self.waits.waiting() as wait:
            bucket = self._bucket
            try:
                self._take_turn(wait)
            except (sqlite3.Error, OSError) as error:
                if self._closed:
                    raise
                self._forget_file(bucket, error)
                self._take_turn(wait)

    def _take_turn(self, wait: Wait) -> None:
        while not self._try_turn(wait):
            if self._deadline.is_set:
                raise NoTurnError
        self._spent += 1
        if self._spent % TIDY_EVERY == 0:
            self._bucket.leak(self._bucket.now())

    def _try_turn(self, wait: Wait) -> bool:
        """Try to take a turn. Returns False after some time without one."""
        try:
            # The library's own wait cannot be interrupted.
            if self._limiter.try_acquire("call", timeout=LONGEST_TICK):
                return True
        except PausedError as paused:
            if not paused.is_step:
                wait.report_pause(paused.seconds, is_shared=self.is_shared)
            # A wait that lasts is told again from time to time.
            self._deadline.wait(min(paused.seconds, LONGEST_TICK_OF_PAUSE))
            return False
        bucket = self._bucket
        still = cast("int", bucket.waiting(RateItem("call", bucket.now())))
        wait.report_turn(still / 1000)
        return False

    def _open(self, file: Path | None) -> FileBucket | MemoryBucket:
        if file is not None:
            try:
                return FileBucket.open(file, self._rates)
            except (sqlite3.Error, OSError) as error:
                _warn(error)
        return MemoryBucket(self._rates)

    def _forget_file(self, broken: FileBucket | MemoryBucket, error: Exception) -> None:
        """Replace the bucket, unless another thread has already replaced it."""
        with self._replacing:
            if self._closed or self._bucket is not broken:
                return
            _warn(error)
            with suppress(sqlite3.Error, OSError):
                broken.close()
            bucket = MemoryBucket(self._rates)
            if (left := self._resume_at - time.monotonic()) > 0:
                bucket.pause(left)
            self._bucket = bucket
            self._limiter = _limiter(bucket)


def _rates(per_minute: int) -> list[Rate]:
    per_second = Rate(min(PER_SECOND, per_minute), Duration.SECOND)
    if per_minute <= PER_SECOND:
        return [Rate(per_minute, Duration.MINUTE)]
    return [per_second, Rate(per_minute, Duration.MINUTE)]


def _limiter(bucket: FileBucket | MemoryBucket) -> Limiter:
    # Without the library's clean-up thread: an occasional clean-up costs less, and nothing outlives the client.
    return Limiter(SingleBucketFactory(bucket, schedule_leak=False))


def _warn(error: Exception) -> None:
    _log.warning("The quota file cannot be used (%s); this process now counts only its own calls", error)
