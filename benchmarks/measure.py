"""Runs a command, or a pipe of two, as whole processes: what it took, as the kernel counts it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_STDERR_SHOWN = 3000


class RunFailedError(Exception):
    """A measured command did not do its work."""


class Reading(Protocol):
    """A thread that reads the output of the last command."""

    def start(self) -> None:
        """Begin to read."""

    def join(self) -> None:
        """Wait for the end of the output."""


ReadingT = TypeVar("ReadingT", bound=Reading)


@dataclass(frozen=True)
class Usage:
    """What a run took.

    Attributes:
        wall: Seconds from start to the end of the last process.
        cpu: CPU seconds, of all processes and of what they started.
        peak: Largest resident memory of any one process, in MiB.
    """

    wall: float
    cpu: float
    peak: float


def run(
    commands: Sequence[Sequence[str]],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    stdin: Path | None,
    reading: Callable[[int], ReadingT],
) -> tuple[Usage, ReadingT]:
    """Run commands as a pipe.

    Args:
        commands: From the first to the last one of the pipe.
        environment: Their variables.
        cwd: Their folder.
        stdin: What the first one reads.
        reading: Makes the thread that reads the output of the last one, from its descriptor.

    Raises:
        RunFailedError: A command ended with a code other than 0.
    """
    with tempfile.TemporaryFile() as log:
        source = os.open(stdin or os.devnull, os.O_RDONLY)
        began = time.monotonic()
        processes = []
        for command in commands:
            process = subprocess.Popen(
                command, stdin=source, stdout=subprocess.PIPE, stderr=log, cwd=cwd, env=dict(environment)
            )
            os.close(source)
            source = os.dup(process.stdout.fileno())  # type: ignore[union-attr]
            process.stdout.close()  # type: ignore[union-attr]
            processes.append(process)
        reader = reading(source)
        reader.start()
        # wait4 as Popen.wait does not tell what the process used.
        ended = [os.wait4(process.pid, 0) for process in processes]
        wall = time.monotonic() - began
        reader.join()
        for process, (_, status, _) in zip(processes, ended, strict=True):
            process.returncode = os.waitstatus_to_exitcode(status)
        if any(process.returncode for process in processes):
            log.seek(max(0, log.tell() - _STDERR_SHOWN))
            codes = [process.returncode for process in processes]
            message = f"exit codes {codes} of {[list(command) for command in commands]}\n{log.read().decode()}"
            raise RunFailedError(message)
    used = [usage for _, _, usage in ended]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    return Usage(wall, cpu, max(usage.ru_maxrss for usage in used) / 1024), reader


def environment() -> dict[str, str]:
    """The variables every measured command gets: settings of the user's own pipelines are not among them."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}
