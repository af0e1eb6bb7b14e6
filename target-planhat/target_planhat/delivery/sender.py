"""Keeps one call on the wire while the next batch is being read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["Sender"]

_Result = TypeVar("_Result")


class Sender:
    """Runs one job at a time on a thread of its own: bulk calls must not run in parallel (B14).

    What a job brings back is handled on the caller's thread, so nothing else needs locks.
    """

    def __init__(self) -> None:
        """Start no thread yet."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sender")
        self._finish: Callable[[], None] | None = None

    def submit(self, job: Callable[[], _Result], handle: Callable[[_Result], None]) -> None:
        """Wait for the job before, handle its result, then start this one."""
        self.settle()
        future: Future[_Result] = self._pool.submit(job)
        self._finish = lambda: handle(future.result())

    def settle(self) -> None:
        """Wait for the job that is out and handle its result. Errors of both come out here, once."""
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()

    def close(self) -> None:
        """Stop the thread. A job that is out ends first."""
        self._pool.shutdown()
