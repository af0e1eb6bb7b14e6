"""Runs commands with a pipe of the operating system between them, and leaves none of them behind."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Ended", "OrphanedError", "Stage", "run_stages"]

_BOUND = str(Path(__file__).with_name("bound.py"))
_GRACE_SECONDS = 12.0
"""How long the last command may take to end; target-planhat sends what is pending within 8 seconds of SIGTERM."""
_WRITER_GRACE_SECONDS = 2.0
"""How long the commands before it may take: what they read is read again in the next run."""
_AFTER_READER_SECONDS = 3.0
"""How long a command may go on whose output nobody reads any more."""
_REST_SECONDS = 2.0
"""How long the end of the log is passed on of commands that were ended."""
_PAUSE = 0.05
_LINES_AT_ONCE = 1000
_KEPT_LINES = 20


class OrphanedError(OSError):
    """The process that started this one has ended."""


@dataclass(frozen=True)
class Stage:
    """One command.

    Attributes:
        name: What the log calls it.
        argv: Program and arguments. They contain no secret.
    """

    name: str
    argv: Sequence[str]


@dataclass
class Ended:
    """How a command ended.

    Attributes:
        name: That of its stage.
        code: Its exit code; negative if a signal ended it.
        was_stopped: Whether it was stopped because the command that reads its output had ended.
        last_lines: The end of its log.
    """

    name: str
    code: int
    was_stopped: bool
    last_lines: Sequence[str]


@dataclass
class _Running:
    stage: Stage
    process: subprocess.Popen[bytes]
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    was_stopped: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether it has ended. Where the system allows, its number stays taken, so that no other process is killed."""
        if self.process.returncode is not None:
            return True
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        return self.process.poll() is not None

    def signal(self, number: int) -> None:
        """Send a signal to the command and all that it started.

        Once the system has given its number back, another process may have it.
        """
        if self.process.returncode is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def run_stages(
    stages: Sequence[Stage],
    *,
    on_output: Callable[[bytes], None],
    on_log: Callable[[str, str], None],
    environment: Mapping[str, str],
    source: IO[bytes] | None = None,
) -> list[Ended]:
    """Run commands to their end, the output of each being the input of the next.

    If this call is left by an exception, for instance because the run is cancelled, the commands get SIGTERM, and
    SIGKILL some seconds later. On Linux they also end when this process is killed. There they end as well when the
    thread ends that made this call. A process that has lost its own parent ends them too: Dagster runs a step in a
    process of its own, which goes on when the process of the run is killed.

    Args:
        stages: The commands.
        on_output: Called with each line that the last command writes, in this thread.
        on_log: Called with the name of a stage and each line of its log, in this thread.
        environment: The environment of all commands.
        source: What the first command reads; nothing if it is left out.

    Raises:
        OrphanedError: The process that started this one has ended.
        OSError: A process cannot be started.
    """
    running: list[_Running] = []
    lines: queue.Queue[tuple[_Running | None, bytes]] = queue.Queue(_LINES_AT_ONCE)
    stopped = threading.Event()
    readers: list[threading.Thread] = []
    try:
        given: IO[bytes] | int = source or subprocess.DEVNULL
        for stage in stages:
            process = _started(stage, given, environment)
            running.append(_Running(stage, process))
            # Were it open here too, a command would not notice that its reader has ended.
            if len(running) > 1:
                _of(given).close()
            given = _of(process.stdout)
        sources: list[tuple[_Running | None, IO[bytes]]] = [(each, _of(each.process.stderr)) for each in running]
        sources.append((None, _of(given)))
        for whose, stream in sources:
            reader = threading.Thread(target=_read, args=(whose, stream, lines, stopped), daemon=True)
            reader.start()
            readers.append(reader)
        _relay(running, lines, readers, on_output, on_log)
    finally:
        try:
            _end_all(running)
            _pass_on_the_rest(lines, readers, on_log)
        finally:
            stopped.set()
            for reader in readers:
                reader.join(_PAUSE * 20)
    return [
        Ended(each.stage.name, each.process.returncode, each.was_stopped, list(each.last_lines)) for each in running
    ]


def _of(stream: IO[bytes] | int | None) -> IO[bytes]:
    if stream is None or isinstance(stream, int):
        raise TypeError
    return stream


def _started(stage: Stage, given: IO[bytes] | int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 -- the command is one of the settings
        [sys.executable, "-I", "-S", _BOUND, str(os.getpid()), *stage.argv],
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        # A group of its own can be ended together with all that it starts. Ctrl-C in a terminal then reaches only this
        # process, which passes it on.
        start_new_session=True,
    )


def _read(
    whose: _Running | None,
    stream: IO[bytes],
    lines: queue.Queue[tuple[_Running | None, bytes]],
    stopped: threading.Event,
) -> None:
    with stream:
        for line in stream:
            while not stopped.is_set():
                with suppress(queue.Full):
                    lines.put((whose, line), timeout=1)
                    break


def _relay(
    running: Sequence[_Running],
    lines: queue.Queue[tuple[_Running | None, bytes]],
    readers: Sequence[threading.Thread],
    on_output: Callable[[bytes], None],
    on_log: Callable[[str, str], None],
) -> None:
    """Pass all lines on until all commands have ended.

    What a command started with a session of its own may keep a log open for ever. It is not waited for if it is silent.
    """
    reader_ended_at: float | None = None
    silent_since = time.monotonic()
    parent = os.getppid()
    while True:
        if os.getppid() != parent:
            message = "the process that started this one has ended, so the commands of this run were ended"
            raise OrphanedError(message)
        have_ended = all(each.has_ended for each in running)
        may_be_over = have_ended and not any(reader.is_alive() for reader in readers)
        if not have_ended:
            silent_since = time.monotonic()
        if running[-1].has_ended:
            reader_ended_at = reader_ended_at or time.monotonic()
            if time.monotonic() - reader_ended_at > _AFTER_READER_SECONDS:
                _stop_writers(running)
        try:
            whose, line = lines.get(timeout=_PAUSE)
        except queue.Empty:
            if may_be_over or time.monotonic() - silent_since > _AFTER_READER_SECONDS:
                return
        else:
            if whose is None:
                on_output(line)
            else:
                _note(whose, line, on_log)
            silent_since = time.monotonic()


def _note(whose: _Running, line: bytes, on_log: Callable[[str, str], None]) -> None:
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    whose.last_lines.append(text)
    on_log(whose.stage.name, text)


def _pass_on_the_rest(
    lines: queue.Queue[tuple[_Running | None, bytes]],
    readers: Sequence[threading.Thread],
    on_log: Callable[[str, str], None],
) -> None:
    """Pass on what commands logged while they were ended: there they say what they did not send."""
    deadline = time.monotonic() + _REST_SECONDS
    while time.monotonic() < deadline:
        if not any(reader.is_alive() for reader in readers) and lines.empty():
            return
        with suppress(queue.Empty):
            whose, line = lines.get(timeout=_PAUSE)
            if whose is not None:
                _note(whose, line, on_log)


def _stop_writers(running: Sequence[_Running]) -> None:
    """End the commands whose reader has ended and that did not notice, and whatever the last one left behind."""
    for each in running[:-1]:
        if not each.has_ended:
            each.was_stopped = True
    _end_all(running)


def _end_all(running: Sequence[_Running]) -> None:
    """End all commands and what they started, and wait until they are gone."""
    try:
        if not all(each.has_ended for each in running):
            for each in running:
                each.signal(signal.SIGTERM)
            _wait(running[:-1], _WRITER_GRACE_SECONDS)
            for each in running[:-1]:
                each.signal(signal.SIGKILL)
            _wait(running, _GRACE_SECONDS - _WRITER_GRACE_SECONDS)
    finally:
        # Also if a second signal cut the wait short.
        for each in running:
            each.signal(signal.SIGKILL)
        for each in running:
            each.process.wait()


def _wait(running: Sequence[_Running], seconds: float) -> None:
    """Wait until commands have ended, for some seconds at most."""
    deadline = time.monotonic() + seconds
    while not all(each.has_ended for each in running) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
