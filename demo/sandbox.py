"""Starts the local Planhat."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from demo.processes import CommandError, ended_at_exit, tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["API_TOKEN", "TENANT_TOKEN", "Addresses", "running_sandbox"]

# The sandbox makes no secret of them.
API_TOKEN = "demo-api-token"  # noqa: S105
TENANT_TOKEN = "00000000-0000-4000-8000-000000000000"  # noqa: S105

READY = re.compile(r"planhat-sandbox ready: (\S+) \(analytics: (\S+)\)")
SECONDS_TO_START = 60

Addresses = tuple[str, str]


@contextmanager
def running_sandbox(size: Mapping[str, int], log: Path) -> Iterator[Addresses]:
    """A sandbox on a free port for as long as the block runs: its address, and that of its analytics host.

    Raises:
        CommandError: It did not start.
    """
    command = [
        tool("planhat-sandbox"),
        "serve",
        "--port",
        "0",
        "--api-token",
        API_TOKEN,
        "--tenant-token",
        TENANT_TOKEN,
    ]
    for name, value in size.items():
        command += [f"--{name}", str(value)]
    with log.open("w") as output, ended_at_exit(command, output=output) as process:
        deadline = time.monotonic() + SECONDS_TO_START
        while not (ready := READY.search(log.read_text("utf-8"))):
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"The sandbox did not start:\n{log.read_text('utf-8')}"
                raise CommandError(message)
            time.sleep(0.1)
        yield ready[1], ready[2]
