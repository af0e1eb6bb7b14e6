"""Starts the sandbox and Meltano, and ends every process it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["CommandError", "ended_at_exit", "run_logged", "tool"]

SECONDS_TO_END = 10
LINES_OF_A_FAILURE = 30


class CommandError(Exception):
    """A command ended with an error; the message holds the end of its log."""


def tool(name: str) -> str:
    """Path of a command of the demo's own environment."""
    return str(Path(sys.executable).parent / name)


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process politely, then whatever is left of its group by force."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def ended_at_exit(
    command: Sequence[str],
    *,
    output: IO[str] | int,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own, ended when the block is left in whatever way.

    Args:
        command: Program and arguments.
        output: Where standard output and error go, as in ``subprocess``.
        environment: Environment variables; None for this process's own.
        folder: Working directory.
    """
    process = subprocess.Popen(
        command,
        text=True,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=folder,
    )
    try:
        yield process
    finally:
        end(process)


def run_logged(command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path) -> None:
    """Runs a command to its end, its output going to a file.

    Raises:
        CommandError: It ended with an error.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w") as output,
        ended_at_exit(command, output=output, environment=environment, folder=folder) as process,
    ):
        code = process.wait()
    if code:
        # Without the frames that Meltano draws around stack traces.
        lines = [line for line in log.read_text("utf-8", errors="replace").splitlines() if line[:1] not in "│╭╰"]
        last = "\n".join(lines[-LINES_OF_A_FAILURE:])
        message = f"{' '.join(command)}\nended with {code}. The end of {log}:\n\n{last}"
        raise CommandError(message)
