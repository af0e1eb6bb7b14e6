"""Measures how long calls wait for the quota, and logs long waits."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["QuotaWaits", "Wait"]

_LOGGED_FROM = 3.0
_LOGGED_AGAIN = 60.0
_log = logging.getLogger("planhat_api")


class QuotaWaits:
    """Measures the waits of all threads, and logs long ones.

    There is at most one line a minute about turns and one about pauses, however many threads wait.

    Args:
        allowed: Calls that are allowed in a minute.
        yields: Whether the calls are those of a backfill, which let others go first.
        clock: Monotonic clock in seconds.
    """

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic, *, yields: bool = False) -> None:
        """Start without a wait."""
        self._allowed = allowed
        self._who = (
            "and this backfill lets the calls of other processes go first (quota_priority)"
            if yields
            else "including the calls of all processes that share the quota_store"
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = 0
        self._since = 0.0
        self._seconds = 0.0
        self._logged_at: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Seconds in which at least one thread waited."""
        with self._lock:
            return self._seconds + (self._clock() - self._since if self._waiting else 0.0)

    @contextmanager
    def waiting(self) -> Iterator[Wait]:
        """Measure the ``with`` block as the wait of one thread.

        Yields:
            The wait. Its methods log it if it is long; call them from time to time.
        """
        began = self._clock()
        with self._lock:
            self._since = self._since if self._waiting else began
            self._waiting += 1
        try:
            yield Wait(self, began)
        finally:
            with self._lock:
                self._waiting -= 1
                self._seconds += 0.0 if self._waiting else self._clock() - self._since

    def report_refusal(self, text: str, everyone: str) -> None:
        """Log that Planhat answered a call of this process with 429. At most once a minute it is a warning.

        Args:
            text: The call, the answer, and how long the call waits.
            everyone: Who else waits; empty for nobody.
        """
        is_news = self._is_due("refusal")
        if is_news:
            # A line about the same pause would say nothing new.
            self._is_due("pause")
        who = f"; {everyone} wait as long" if everyone else ""
        _log.log(logging.WARNING if is_news else logging.DEBUG, "%s%s", text, who)

    def lasts(self, began: float, still: float) -> bool:
        """Whether a wait is long enough to be logged.

        Args:
            began: When it began.
            still: Seconds that it probably still takes.
        """
        return self._clock() - began + still >= _LOGGED_FROM

    def report_turn(self, still: float, share: str = "") -> None:
        """Log a wait for a turn, at most once a minute."""
        if self._is_due("turn"):
            rule = f"{self._allowed} calls a minute are allowed (calls_per_minute), {self._who}"
            _log.info(
                "Waiting for the quota: %s%s",
                f"this process makes {share}, because the quota_store cannot be used" if share else rule,
                f". The next call can go out in {still:.0f} s" if still >= 1 else "",
            )

    def report_pause(self, still: float, *, is_shared: bool) -> None:
        """Log a wait for the end of a pause, at most once a minute."""
        if self._is_due("pause"):
            who = "a process that shares the quota_store" if is_shared else "this process"
            _log.info(
                "Waiting for the quota: Planhat answered %s that it is used up (429). Calls go on in %.0f s, unless "
                "there is another 429",
                who,
                still,
            )

    def _is_due(self, kind: str) -> bool:
        """Whether there was no line of a kind in the last minute. Then the next one is due a minute later."""
        now = self._clock()
        with self._lock:
            if now - self._logged_at.get(kind, float("-inf")) < _LOGGED_AGAIN:
                return False
            self._logged_at[kind] = now
        return True


class Wait:
    """The wait of one thread."""

    def __init__(self, waits: QuotaWaits, began: float) -> None:
        """Take the waits of all threads, and the moment at which this one began."""
        self._waits = waits
        self._began = began

    def report_turn(self, still: float, share: str = "") -> None:
        """Log the wait for a turn if it is long.

        Args:
            still: Seconds until there may be one, as far as is known.
            share: What this process may do alone while the store cannot be used; empty if it can.
        """
        if self._waits.lasts(self._began, still):
            self._waits.report_turn(still, share)

    def report_pause(self, still: float, *, is_shared: bool) -> None:
        """Log the wait for the end of a pause if it is long.

        Args:
            still: Seconds until it ends.
            is_shared: Whether other processes wait too.
        """
        if self._waits.lasts(self._began, still):
            self._waits.report_pause(still, is_shared=is_shared)
