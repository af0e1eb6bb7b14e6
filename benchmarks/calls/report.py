"""The section of the page about calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calls import how
from benchmarks.calls.bars import judged
from benchmarks.calls.waiting import PACE
from benchmarks.markdown import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.calls.findings import Findings
    from benchmarks.calls.outcomes import Outcome

_NAMES = {"ours": "**this project**", "airbyte": "Airbyte's CDK, published streams", "cruds": "CRUDs"}


def render(findings: Findings) -> str:
    """The section in Markdown."""
    parts = [
        _head(findings),
        _bars(findings),
        _out(findings.of("out")),
        _peers(findings.of("peers")),
        _missed(findings.of("peers")),
        _in(findings.of("in")),
        _wall(findings.of("wall"), findings.latency),
        _failures(findings.failures),
        how.text(findings),
    ]
    return "\n".join(part for part in parts if part)


def _head(findings: Findings) -> str:
    about = findings.about
    return (
        "## Calls: hourly sync, end to end\n\n"
        "Planhat allows about 200 calls a minute (B10), so calls are what a sync costs.\n\n"
        f"{about['machine']}. {about['system']}.\nCommit {about['commit']}, {about['when']}.\n"
        f"Contestants: {about['versions']}.\n"
    )


def _bars(findings: Findings) -> str:
    rows = [
        (bar.what, f"{bar.companies:,}", bar.asked, bar.measured, "reached" if bar.reached else "**missed**")
        for bar in judged(findings)
    ]
    return "### Must hold\n\n" + table(("", "companies", "asked", "this run", ""), rows) if rows else ""


def _out(runs: Sequence[Outcome]) -> str:
    rows = [
        (
            f"{run.companies:,} companies, {run.run}",
            f"**{run.calls:,}**",
            f"{run.fewest:,}",
            f"{run.proofs:,}" if run.proofs else "",
            f"{run.calls / (run.fewest + run.proofs):.2f}",
            *_pace(run),
        )
        for run in runs
    ]
    head = ("", "calls", "fewest", "proofs", "calls over these", "rows", "rows/s", "peak MiB")
    return "### Out, all streams\n\n" + table(head, rows) if rows else ""


def _peers(runs: Sequence[Outcome]) -> str:
    rows = [
        (
            f"{run.companies:,} companies, {_NAMES[run.who]}, {run.run}",
            f"**{run.calls:,}**",
            f"{run.fewest:,}",
            f"{run.proofs:,}" if run.proofs else "",
            f"{run.hidden_passes:,}",
            f"{sum(run.missed.values()):,}",
            f"{run.for_missed:,}",
            *_pace(run),
        )
        for run in runs
    ]
    head = ("", "calls", "fewest", "proofs", "calls of hidden passes", "rows missed", "calls that these need")
    title = "### Out, the 17 streams of Airbyte's published source\n\n"
    return title + table((*head, "rows", "rows/s", "peak MiB"), rows) if rows else ""


def _missed(runs: Sequence[Outcome]) -> str:
    lines = [
        f"- {run.companies:,} companies, {_NAMES[run.who]}: "
        + ", ".join(f"{count:,} {stream}" for stream, count in run.missed.items())
        + f". {run.hidden_missed:,} of them are hidden from a list without parameters.\n"
        for run in runs
        if run.missed
    ]
    return "Rows missed:\n\n" + "".join(lines) if lines else ""


def _in(runs: Sequence[Outcome]) -> str:
    rows = [
        (
            f"{run.companies:,} companies, {run.run}",
            f"**{run.calls:,}**",
            *(f"{run.kinds.get(kind, 0):,}" for kind in ("reads", "bulk", "other")),
            f"{run.fewest:,}",
            f"{run.blind:,}",
            *_pace(run),
        )
        for run in runs
    ]
    head = ("", "calls", "GET", "PUT bulk", "other", "fewest", "fewest that write all", "rows", "rows/s", "peak MiB")
    return "### In: companies, endusers and assets\n\n" + table(head, rows) if rows else ""


def _wall(runs: Sequence[Outcome], latency: float) -> str:
    rows = [
        (
            f"{run.companies:,} companies, {run.run}",
            f"{run.calls:,}",
            f"{run.wall:.1f}",
            f"{run.start_up:.1f}",
            f"{run.needed:.1f}",
            f"**{(run.wall - run.start_up) / run.needed:.2f}**",
            f"{run.refused:,}",
        )
        for run in runs
    ]
    head = ("", "calls", "seconds", "of these start-up", "the calls alone need", "without start-up, over that", "429")
    pace = f"{latency * 1000:.0f} ms latency, {PACE.quota} calls a minute, {PACE.at_once} at once"
    return f"### Wall time, {pace}\n\n" + table(head, rows) if rows else ""


def _pace(run: Outcome) -> tuple[str, str, str]:
    return f"{run.rows:,}", f"{run.rows / run.wall:,.0f}", f"{run.peak:.0f}"


def _failures(failures: Sequence[dict[str, str]]) -> str:
    if not failures:
        return ""
    lines = [f"- {failure['part']}, {failure['companies']} companies\n" for failure in failures]
    return "### Runs that failed\n\n" + "".join(lines)
