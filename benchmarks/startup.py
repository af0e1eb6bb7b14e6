"""What it costs to start: CPU seconds of commands that move no rows."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import measure
from benchmarks.environments import OURS
from benchmarks.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.contestants import Contestants
    from benchmarks.environments import Environments

_READY = re.compile(r"ready: (\S+)")
_TOKEN = "benchmark"


@contextmanager
def _sandbox(environments: Environments) -> Iterator[str]:
    command = [environments.command(OURS, "planhat-sandbox"), "serve", "--port", "0", "--companies", "20"]
    with subprocess.Popen([*command, "--api-token", _TOKEN], stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = process.stdout.readline()  # type: ignore[union-attr]
            found = _READY.search(ready)
            if found is None:
                message = f"the sandbox did not start: {ready!r}"
                raise measure.RunFailedError(message)
            yield found[1]
        finally:
            process.terminate()


def cpu_seconds(contestants: Contestants, folder: Path, rounds: int) -> dict[str, float]:
    """Median CPU seconds by command.

    Raises:
        RunFailedError: A command or the sandbox failed.
    """
    with _sandbox(contestants.environments) as url:
        config = str(contestants.tap_config(url))
        commands = {
            "`tap-planhat --version`": contestants.ours("tap-planhat", "--version"),
            "`tap-planhat --discover` against the sandbox": contestants.ours(
                "tap-planhat", "--config", config, "--discover"
            ),
            "`target-planhat --version`": contestants.ours("target-planhat", "--version"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                usage, _ = measure.run(
                    [command], environment=measure.environment(), cwd=folder, stdin=None, reading=Reader
                )
                seconds[name].append(usage.cpu)
    return {name: median(taken) for name, taken in seconds.items()}
