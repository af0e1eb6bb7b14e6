"""Runs a tap and a loader with a pipe between them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Ended", "run_pipe"]

LOGGER = logging.getLogger(__name__)
SUMMARY = "| SUMMARY {"
SECONDS_TO_END = 20


@dataclass
class Ended:
    """How both commands ended.

    Attributes:
        tap: Exit code of the tap; negative if a signal ended it.
        loader: The same of the loader.
        summary: What the tap says of its run; empty if it says nothing.
    """

    tap: int
    loader: int
    summary: dict[str, Any] = field(default_factory=dict)


def run_pipe(tap: Sequence[str], loader: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run both commands to their end, and log what they log. If this is interrupted, both are ended.

    Args:
        tap: Program and arguments of the tap.
        loader: The same of the loader. The STATE that it writes is not kept.
        environment: The environment of both.
    """
    reading, writing = os.pipe()
    started: list[subprocess.Popen[bytes]] = []
    summary: dict[str, Any] = {}
    try:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as log:
            try:
                started.append(subprocess.Popen(tap, env=environment, stdout=subprocess.PIPE, stderr=writing))
                # Were the output of the tap open here too, it would not notice that the loader has ended.
                with started[0].stdout as given:  # type: ignore[union-attr]
                    started.append(
                        subprocess.Popen(
                            loader, env=environment, stdin=given, stdout=subprocess.DEVNULL, stderr=writing
                        )
                    )
            finally:
                # The log ends when both commands have closed it.
                os.close(writing)
            for line in log:
                LOGGER.info(line.rstrip("\n"))
                summary = _summary_in(line) or summary
        codes = [process.wait() for process in started]
    finally:
        for process in started:
            _end(process)
    return Ended(*codes, summary)


def _summary_in(line: str) -> dict[str, Any] | None:
    """The summary of the tap, if this line of the log is one."""
    _, found, text = line.partition(SUMMARY)
    if not found:
        return None
    try:
        summary: dict[str, Any] = json.loads("{" + text)
    except ValueError:
        return None
    return summary if "complete" in summary else None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
