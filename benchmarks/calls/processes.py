"""Runs measured commands from a process that stays small.

The kernel counts the memory of the process that started a command as the command's own, and this benchmark holds the
ids of all rows.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import measure
from benchmarks.calls.lines import Saved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Processes:
    """Runs commands one after the other."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        """Take the process that starts them."""
        self._pool = pool

    def run(self, command: Sequence[str], output: Path, *, stdin: Path | None = None) -> measure.Usage:
        """Run one command to its end, its output copied into a file.

        Raises:
            RunFailedError: The command ended with a code other than 0.
        """
        return self._pool.submit(_run, command, output, stdin).result()


@contextmanager
def small_process() -> Iterator[Processes]:
    """A process that runs commands."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield Processes(pool)


def _run(command: Sequence[str], output: Path, stdin: Path | None) -> measure.Usage:
    usage, _ = measure.run(
        [command],
        environment=measure.environment(),
        cwd=output.parent,
        stdin=stdin,
        reading=partial(Saved, path=output),
    )
    return usage
