"""The page of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import figures as figuring
from benchmarks.environments import HERE
from benchmarks.goals import verdicts
from benchmarks.markdown import table
from benchmarks.works import WORKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.figures import Figure
    from benchmarks.results import Results

_NAMES = {
    "ours": "**this project**",
    "floor": "floor: decode and encode each record, no SDK",
    "cruds": "CRUDs, its pause switched off",
    "airbyte": "Airbyte's declarative CDK",
    "plain_sdk": "plain SDK, as its template",
    "ours_batch": "this project, BATCH files (gzip)",
    "meltano": "this project under `meltano run`",
}
_NOTES = HERE / "notes.md"
_VERDICTS = {True: "reached", False: "**missed**", None: "open"}

_HOW = """\
## How it is measured

- Each contestant is a whole process (two for the pipe) started from nothing, each in an environment of its own with
  locked requirements. The contestants of a work run one after the other, and that round is repeated; the tables show
  medians.
- Every run is preceded by one of the same command with no rows to move. That is its start-up, and it is taken off from
  rows a second and from CPU; the columns "whole" leave it in.
- CPU seconds and peak memory are the kernel's account of the process (`wait4`).
- All talk to a stand-in on loopback that serves slices of rows encoded beforehand and answers an upsert in full (keys
  and ids of every row), on the same machine as the contestant.
- Planhat's quota is lifted for everyone: this project runs with `calls_per_minute` at its largest value (9,000) and its
  quota file, CRUDs without its pause. Everything else is as it comes; the tap keeps its default of pages in flight.
- Endusers out are about 1.5 KB with 32 fields and a nested `custom`, 2,000 a page; dimension rows about 250 bytes,
  10,000 a page and 10,000 a day; endusers in about 1.5 KB with 14 fields and a `custom` of 15; metrics about 130 bytes.
  Each row is unlike all others; names hold letters of several scripts.
- The tap's output goes into a pipe whose reader counts lines; the target reads from a file.
- Every run is checked. Out: the records are counted, and up to 200 of them compared field by field with what was
  served. In: the ids of all rows are collected from the bodies after the clock has stopped, and the first row of each
  body is compared field by field.
"""

_REPEAT = """\
## How to repeat it

```sh
make bench    # all of it: {minutes} minutes on the machine above
make bench ARGS="--scale 0.1 --works endusers-out,endusers-in --page output/benchmarks.md"
make bench ARGS="--help"
```

The first use installs the contestants from the package index. Quote ratios, not rates: the rates of one machine differ
from day to day by more than some of the differences shown.
"""


def render(results: Results) -> str:
    """The page in Markdown."""
    figures = figuring.by_work(results.samples)
    parts = [
        _head(results.about),
        _goals(figures, results),
        *(_work(work.key, work.title, figures[work.key]) for work in WORKS if work.key in figures),
        _relay(results.relay),
        _memory(results.memory),
        _startup(results.startup),
        _stand_in(results.probe, figures),
        _failures(results.failures),
        _NOTES.read_text("utf-8") if _NOTES.exists() else "",
        _HOW,
        _REPEAT.format(minutes=round(results.minutes)),
    ]
    return "\n".join(part for part in parts if part)


def _head(about: Mapping[str, str]) -> str:
    return (
        "# Benchmarks\n\n"
        "Written by `make bench` and `make bench-calls`; do not edit. The contestants of a table ran in one run, "
        "interleaved.\n\n"
        f"{about['machine']}. {about['system']}.\nCommit {about['commit']}, {about['when']}.\n"
        f"Contestants: {about['versions']}.\n"
    )


def _goals(figures: Mapping[str, Mapping[str, Figure]], results: Results) -> str:
    rows = [
        (verdict.goal, verdict.wanted, verdict.reached, _VERDICTS[verdict.met])
        for verdict in verdicts(figures, results.memory, results.startup)
    ]
    return "## Goals\n\n" + table(("work", "goal", "this run", ""), rows)


def _work(key: str, title: str, contestants: Mapping[str, Figure]) -> str:
    ours = contestants.get("ours")
    ranked = sorted(contestants.items(), key=lambda item: -item[1].rate)
    rows = [
        (
            _NAMES[who],
            f"{figure.rate:,.0f}",
            f"{figure.whole_rate:,.0f}",
            f"{ours.rate / figure.rate:.2f}" if ours else "",
            f"{figure.cpu:.2f}",
            f"{figure.whole_cpu:.2f}",
            f"{figure.peak:.0f}",
            f"{figure.startup:.2f}",
            f"{figure.spread:.0%}",
        )
        for who, figure in ranked
    ]
    head = (
        *("", "rows/s", "rows/s, whole", "this project is faster by", "CPU s per 100k", "CPU s per 100k, whole"),
        *("peak MiB", "start-up s", "spread"),
    )
    count = next(iter(contestants.values())).rows
    return f"## {title}\n\n{count:,} rows (`--works {key}`).\n\n" + table(head, rows)


def _relay(rate: float | None) -> str:
    if rate is None:
        return ""
    return (
        "## What Meltano adds\n\n"
        f"`meltano run` reads the tap's lines and writes them to the target one by one: {rate:,.0f} lines a second\n"
        "with a tap that copies a file and a target that counts lines. No pipe it runs can be faster, and the relay\n"
        "takes a CPU of its own.\n"
    )


def _memory(memory: Mapping[str, Mapping[int, float]]) -> str:
    if not memory:
        return ""
    rows = [
        (what, f"{count:,}", f"{peak:.0f}") for what, peaks in memory.items() for count, peak in sorted(peaks.items())
    ]
    return "## Memory does not grow with the data\n\n" + table(("", "endusers", "peak MiB"), rows)


def _startup(startup: Mapping[str, float]) -> str:
    if not startup:
        return ""
    return "## Start-up\n\n" + table(
        ("command", "CPU s"), [(command, f"{taken:.2f}") for command, taken in startup.items()]
    )


def _stand_in(probe: Mapping[str, float], figures: Mapping[str, Mapping[str, Figure]]) -> str:
    if not probe:
        return ""
    works = {
        "endusers out": "endusers-out",
        "dimension data out": "dimension-out",
        "endusers in": "endusers-in",
        "metrics in": "metrics-in",
    }
    rows = []
    for kind, rate in probe.items():
        fastest = max((figure.rate for figure in figures.get(works[kind], {}).values()), default=0)
        share = f"{fastest / rate:.0%}" if fastest else ""
        rows.append((kind, f"{rate:,.0f}", share))
    return (
        "## The stand-in is not the bottleneck\n\n"
        "One connection on a bare socket, one call at a time, nothing done with what comes back. The last column is\n"
        "the share of that which the fastest contestant uses.\n\n" + table(("", "rows/s", "fastest contestant"), rows)
    )


def _failures(failures: Sequence[dict[str, Any]]) -> str:
    if not failures:
        return ""
    lines = [f"- {failure['contestant']} at {failure['work']}" for failure in failures]
    return "## Runs that failed\n\n" + "\n".join(lines) + "\n"
