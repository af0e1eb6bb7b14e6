"""Runs calls in threads that do not prevent the process from ending."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]

__all__ = ["DaemonThreads", "start_daemon"]

_T = TypeVar("_T")


class DaemonThreads(Executor):
    """A pool of threads that take calls from a queue. Each thread starts when it is first needed.

    Python waits for the threads of its standard pool when the interpreter ends: after Ctrl-C, a page that waits for the
    quota would keep the process alive for a minute.

    Args:
        most: The most threads. Calls must not wait for one another.
    """

    def __init__(self, most: int) -> None:
        """Start without any thread."""
        self._most = most
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started = 0
        self._closed = False

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:  # noqa: ANN401 - as in Executor
        """Run a call. The future holds its result.

        Raises:
            RuntimeError: The pool is shut down.
        """
        future: Future[_T] = Future()
        with self._lock:
            if self._closed:
                message = "the client is closed"
                raise RuntimeError(message)
            self._tasks.put((future, fn, args, kwargs))
            if not self._idle.acquire(blocking=False) and self._started < self._most:
                self._started += 1
                start_daemon(_work, self._tasks, self._idle, name=f"planhat-page-{self._started}")
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - as in Executor
        """Cancel calls that have not begun, and end each thread after its present call, without waiting for them."""
        with self._lock:
            self._closed = True
            while not self._tasks.empty():
                task = self._tasks.get()
                if task is not None:
                    task[0].cancel()
            for _ in range(self._started):
                self._tasks.put(None)


def start_daemon(target: Callable[..., None], *args: object, name: str) -> None:
    """Start a thread that does not prevent the process from ending."""
    with _signals_blocked():
        threading.Thread(target=target, args=args, name=name, daemon=True).start()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Delay signals: if a handler raises while a thread starts, the interpreter crashes at its end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(tasks: SimpleQueue[Task | None], idle: threading.Semaphore) -> None:
    while task := tasks.get():
        _run(*task)
        # Do not keep it while waiting for the next call, because its result is a whole page.
        del task
        idle.release()


def _run(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(fn(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
        future.set_exception(error)
        # The error refers to this frame: in a reference cycle, they would keep what was read in memory.
        del future
