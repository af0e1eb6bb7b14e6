"""Runs other programs that read Planhat's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calls import lines, published_source
from benchmarks.calls.books import path_of
from benchmarks.calls.tap import TapRun
from benchmarks.calls.tenant import TOKEN
from benchmarks.environments import HERE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.calls.lines import Written
    from benchmarks.calls.processes import Processes
    from benchmarks.calls.tenant import Tenant
    from benchmarks.environments import Environments

STREAMS = tuple(published_source.PAGE_SIZES)
PEERS = ("airbyte", "cruds")


def run(peer: str, environments: Environments, processes: Processes, tenant: Tenant, folder: Path) -> TapRun:
    """Let a peer read the streams of the published source.

    Raises:
        RunFailedError: It ended with a code other than 0.
    """
    command = _command(peer, environments, tenant.url, folder)
    output = folder / f"{peer}.lines"
    tenant.forget()
    usage = processes.run(command, output)
    calls = tenant.calls()
    written = _written(peer, output)
    output.unlink()
    return TapRun(calls, usage, written)


def _command(peer: str, environments: Environments, url: str, folder: Path) -> Sequence[str]:
    if peer == "airbyte":
        arguments = published_source.write(folder, url, TOKEN)
        return [environments.command(peer, "source-declarative-manifest"), *arguments]
    lists = [f"{stream}={path_of(stream)}" for stream in STREAMS]
    return [environments.command(peer, "python"), str(HERE / "peers" / "with_cruds.py"), "lists_out", url, *lists]


def _written(peer: str, output: Path) -> Written:
    return lines.of_airbyte(output) if peer == "airbyte" else lines.of_singer(output)
