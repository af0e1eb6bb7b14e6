"""Sends one batch on its own thread while the next batch is being read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["Sender"]

_Result = TypeVar("_Result")


class Sender:
    """Runs one job at a time on its own thread, because bulk calls must not run in parallel (B14).

    The result of a job is handled on the caller's thread. So nothing else needs locks.
    """

    def __init__(self) -> None:
        """Create the thread pool."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sender")
        self._finish: Callable[[], None] | None = None

    def submit(self, job: Callable[[], _Result], handle: Callable[[_Result], None]) -> None:
        """Wait for the previous job and handle its result, then start this job."""
        self.wait()
        future: Future[_Result] = self._pool.submit(job)
        self._finish = lambda: handle(future.result())

    def wait(self) -> None:
        """Wait for the running job and handle its result. Errors of both are raised here, once."""
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()

    def close(self) -> None:
        """Stop the thread after the running job."""
        self._pool.shutdown()
