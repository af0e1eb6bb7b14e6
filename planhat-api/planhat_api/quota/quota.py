"""Delays calls so that they stay within the tenant's quota (B10)."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from planhat_api.quota.counting import Counting
from planhat_api.quota.limits import MINUTE, WINDOW, Limits
from planhat_api.quota.places import Places
from planhat_api.quota.stores.opening import place_of
from planhat_api.quota.turns import Caller, Reason
from planhat_api.quota.waits import QuotaWaits
from planhat_api.timing.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from planhat_api.quota.turns import Answer
    from planhat_api.quota.waits import Wait

__all__ = ["NoTurnError", "Quota"]

AT_ONCE = 50


class NoTurnError(Exception):
    """The deadline was set, or the quota was closed, while a call waited for its turn."""


class Quota:
    """The quota of one tenant, which threads share, and processes through a store.

    A 429 holds back the counted calls of all of them (``pause``), also of processes that start later. It cannot call
    back calls that are already on their way. After the pause, the first calls go out one after the other, each of them
    a fraction of a second after the one before. The calls of other programs are in no store: if they use up the quota,
    a turn may be granted for which Planhat has no room. Then its 429 begins the next pause, for all of them again.

    Attributes:
        waits: How long calls of this process waited for the quota.
    """

    def __init__(  # noqa: PLR0913 - settings by name
        self,
        *,
        calls_per_minute: int,
        parallel_calls: int,
        store: Path | str | None,
        tenant: str = "",
        workers: int | None = None,
        backfill: bool = False,
        deadline: Deadline | None = None,
        window: float = WINDOW,
        minute: float = MINUTE,
    ) -> None:
        """Open the quota.

        Args:
            calls_per_minute: Calls of all processes that are allowed in a window.
            parallel_calls: Calls of this process that are allowed at the same time.
            store: File or URL of a server where processes count their calls together; None counts in memory. A store
                that cannot be used only causes a warning; then this process goes by its share of the quota.
            tenant: Hash that stands for the tenant on a server.
            workers: How many processes share the quota at most; None for one with a file, and eight with a server.
            backfill: Whether calls of this process let those of others go first, and come evenly.
            deadline: Ends the wait of calls; None for no deadline.
            window: Seconds in which no more calls go out than are allowed.
            minute: Seconds for which the pace of a backfill is reckoned.

        Raises:
            ConfigurationError: The store can never be used, for example because it refuses the password.
        """
        self._deadline = deadline or Deadline()
        self._backfill = backfill
        self.waits = QuotaWaits(calls_per_minute, yields=backfill)
        self._places = Places(min(parallel_calls, AT_ONCE))
        limits = Limits.of(calls_per_minute, window=window, minute=minute)
        place = None if store is None else place_of(store, tenant)
        self._counting = Counting(limits, place, workers, self._deadline)
        self._waiting: set[str] = set()
        self._closed = False

    @property
    def is_shared(self) -> bool:
        """Whether other processes share this quota."""
        return self._counting.is_shared

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
                self._take_turn()
            yield

    def pause(self, seconds: float) -> None:
        """Hold back all calls that count, because Planhat answered that the quota is used up.

        Args:
            seconds: How long. A pause that lasts longer already stays as it is, and none is longer than
                ``LONGEST_PAUSE``.
        """
        if not self._closed:
            self._counting.pause(round(seconds * 1000))

    def spare(self) -> int:
        """Calls that could go out right now without waiting for the quota; 0 during a pause.

        It is counted anew each time, with the calls of all processes that share the store. Other threads and processes
        may take these turns before the caller does. Shortly after a pause it is at most 1. It does not consider how
        many calls may be under way at the same time.
        """
        return 0 if self._closed else self._counting.spare(backfill=self._backfill)

    def close(self) -> None:
        """Close the store. Calls that still wait fail."""
        self._closed = True
        self._counting.close(*self._waiting)

    def _take_turn(self) -> None:
        caller = Caller(secrets.token_hex(4), self._backfill)
        with self.waits.waiting() as wait:
            answer = self._counting.ask(caller)
            if not answer.back_in:
                return
            self._waiting.add(caller.name)
            try:
                while answer.back_in:
                    self._tell(wait, answer)
                    self._wait(answer)
                    caller = caller.told(answer)
                    answer = self._counting.ask(caller)
            except Exception:
                # After a signal there is no time for the store here: ``close`` takes the caller out of the queue.
                if not self._closed:
                    self._counting.leave(caller.name)
                    self._waiting.discard(caller.name)
                raise
            self._waiting.discard(caller.name)

    def _wait(self, answer: Answer) -> None:
        if not self._deadline.wait(answer.back_in / 1000) or self._closed:
            raise NoTurnError

    def _tell(self, wait: Wait, answer: Answer) -> None:
        """Log the wait if it is long. That the first calls after a pause go out slowly is part of the pause."""
        seconds = answer.turn_in / 1000
        if answer.reason is Reason.PAUSE:
            wait.report_pause(seconds, is_shared=self.is_shared)
        elif answer.reason is not Reason.STEP:
            wait.report_turn(seconds, self._counting.share)
