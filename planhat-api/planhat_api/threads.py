"""Runs calls ahead of their turn in threads that never keep a process from ending."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DaemonThreads"]

_T = TypeVar("_T")


class DaemonThreads(Executor):
    """A thread for each call. How many there are at once is the caller's business.

    The standard pool is joined when the interpreter ends: after Ctrl-C a page that waits for the quota would hold the
    process for a minute.
    """

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:  # noqa: ANN401 - as in Executor
        """Run a call; the future holds its result."""
        future: Future[_T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
                future.set_exception(error)

        threading.Thread(target=run, name="planhat-page", daemon=True).start()
        return future
