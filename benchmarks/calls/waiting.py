"""Wall time of the tap where each call takes a while and the quota is the one that Planhat has."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.calls.books import streams
from benchmarks.calls.outcomes import Outcome
from benchmarks.calls.schedule import Pace, seconds_needed
from benchmarks.calls.tap import Tap
from benchmarks.calls.tenant import free_port, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.calls.processes import Processes
    from benchmarks.calls.tap import TapRun
    from benchmarks.environments import Environments

PACE = Pace(latency=0.2, at_once=4, quota=200)
FIRST = "first"
SECOND = "second, nothing changed"

_LEAST_STREAM = "companies_lean"
_DEFINITIONS = "GET customfields"
"""No schema can be made, and so no record written, before the definitions of custom fields are there."""


@dataclass(frozen=True)
class Rounds:
    """How often wall time is measured, and at which pace."""

    number: int
    pace: Pace


def measured(
    environments: Environments, processes: Processes, folder: Path, companies: int, rounds: Rounds
) -> Iterator[Outcome]:
    """A first and a second run; each is repeated, and the round of the median counts.

    Each run has a sandbox that was started for it, with an empty window of the quota, as an hour later. All have the
    same address, because the tap's STATE is about one.

    Raises:
        RunFailedError: A run failed.
    """
    port = free_port()
    with serving(environments, companies, port=port) as tenant:
        tap = Tap(environments, processes, tenant, folder, quota=rounds.pace.quota, at_once=rounds.pace.at_once)
        state = tap.run(streams()).written.state
    start_up = median(_start_up(tap, port, rounds.pace) for _ in range(rounds.number))
    for run, before in ((FIRST, None), (SECOND, state)):
        repeated = [_run(tap, port, rounds.pace, before) for _ in range(rounds.number)]
        done = sorted(repeated, key=lambda each: each.usage.wall)[rounds.number // 2]
        yield Outcome(
            part="wall",
            companies=companies,
            run=run,
            who="ours",
            calls=len(done.calls),
            rows=done.written.rows,
            wall=done.usage.wall,
            peak=done.usage.peak,
            paths=done.calls.by_path,
            refused=done.calls.refused,
            start_up=start_up,
            needed=seconds_needed(len(done.calls), rounds.pace, alone=done.calls.by_path.get(_DEFINITIONS, 0)),
        )


def _run(tap: Tap, port: int, pace: Pace, state: bytes | None) -> TapRun:
    with serving(tap.environments, tap.tenant.companies, port=port, quota=pace.quota, latency=pace.latency):
        return tap.run(streams(), state=state)


def _start_up(tap: Tap, port: int, pace: Pace) -> float:
    """Seconds that the same command takes for a stream of one call, without the time of its calls."""
    with serving(tap.environments, tap.tenant.companies, port=port, quota=pace.quota, latency=pace.latency):
        done = tap.run([_LEAST_STREAM])
        return done.usage.wall - len(done.calls) * pace.latency
