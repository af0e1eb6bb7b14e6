"""What the number of calls is held to, and whether a run reached it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.calls import beside_peers, out, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.calls.findings import Findings
    from benchmarks.calls.outcomes import Outcome

FULL_READ = 1.15
QUIET = 1.1
WALL = 1.1
MOST_MIB = 150


@dataclass(frozen=True)
class Bar:
    """One bar on one tenant.

    Attributes:
        what: What is held to it.
        companies: The tenant.
        asked: The bar in words.
        measured: What was measured, in words.
        reached: Whether it was reached.
    """

    what: str
    companies: int
    asked: str
    measured: str
    reached: bool


def judged(findings: Findings) -> list[Bar]:
    """Every bar that the runs tell about."""
    return [bar for companies in findings.tenants for bar in _of_tenant(findings, companies)]


def _of_tenant(findings: Findings, companies: int) -> Iterator[Bar]:
    if first := findings.find("out", companies, out.FIRST):
        yield _within("first full read, all streams", first, FULL_READ, "the fewest with one proof for each pass")
    if second := findings.find("out", companies, out.SECOND):
        yield _within("full read with known ends, all streams", second, FULL_READ, "the fewest")
    ours = findings.find("peers", companies, beside_peers.SECOND)
    airbyte = findings.find("peers", companies, beside_peers.ANY, "airbyte")
    if ours and airbyte:
        yield _beside(ours, airbyte)
    if quiet := findings.find("out", companies, out.INCREMENTAL + out.SECOND):
        yield _within("INCREMENTAL, nothing changed", quiet, QUIET, "the fewest that prove it")
    for run in (waiting.FIRST, waiting.SECOND):
        if waited := findings.find("wall", companies, run):
            yield _in_time(waited)
    for part, what in (("out", "tap, all streams"), ("in", "target")):
        if peaks := [each.peak for each in findings.of(part) if each.companies == companies]:
            asked, measured = f"below {MOST_MIB} MiB", f"{max(peaks):.0f} MiB"
            yield Bar(f"peak memory of the {what}", companies, asked, measured, max(peaks) < MOST_MIB)


def _within(what: str, run: Outcome, factor: float, basis: str) -> Bar:
    fewest = run.fewest + run.proofs
    asked = f"at most {factor} x {fewest:,}, {basis}"
    measured = f"{run.calls:,} ({run.calls / fewest:.2f} x)"
    return Bar(what, run.companies, asked, measured, run.calls <= factor * fewest)


def _beside(ours: Outcome, airbyte: Outcome) -> Bar:
    allowed = airbyte.calls + airbyte.for_missed
    asked = f"at most {airbyte.calls:,} of Airbyte + {airbyte.for_missed:,} for the rows it misses"
    return Bar("known ends, the 17 streams", ours.companies, asked, f"{ours.calls:,}", ours.calls <= allowed)


def _in_time(run: Outcome) -> Bar:
    factor = (run.wall - run.start_up) / run.needed
    measured = f"{run.wall - run.start_up:.1f} s ({factor:.2f} x)"
    asked = f"at most {WALL} x {run.needed:.1f} s, which {run.calls:,} calls need"
    return Bar(f"wall time, {run.run}", run.companies, asked, measured, factor <= WALL)
