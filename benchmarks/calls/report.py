"""The section of the page about calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calls.bars import judged
from benchmarks.calls.changes import ONE_OF
from benchmarks.calls.tenant import DAYS
from benchmarks.calls.waiting import PACE
from benchmarks.markdown import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.calls.findings import Findings
    from benchmarks.calls.outcomes import Outcome

_NAMES = {"ours": "**this project**", "airbyte": "Airbyte's CDK, published streams", "cruds": "CRUDs"}

_HOW = f"""\
### How calls are counted

- The tenants are those of `planhat-sandbox serve --companies N --days {DAYS}`. Calls are those in the log of the sandbox,
  never what a program says about itself; without those of discovery.
- "Fewest" is what carries all rows at the largest pages that are documented (B26), or at the pages that this project asks
  for where no largest page is known (deals, line items, products). A list without rows takes one call, a list with two
  passes takes the calls of both, lean companies take one. Metric points take pages of 100,000 of all days that are read;
  after a first run these are the last 30 days and today.
- "Proofs" is one call for each pass with rows and pages: a first read has to see that nothing comes after the last row.
- The fewest calls that prove that nothing changed: of a list with a field for the last change, the first page of the rows
  sorted by it, and a look at the other end that shows that this order is kept, or the whole list where that is not more; of
  any other list, all of it. With changes, the pages that hold changed rows in place of the first page.
- All streams: all that discovery selects. `notes` is not selected, because it is the list of conversations once more.
- Between runs one row of {ONE_OF} of each list is changed over the API, where the API can change it, and metric points of one
  company of {ONE_OF}.
- Every run is checked. Records of a full read have exactly the ids that the tenant holds; a read of changes has at least
  the ids of all changed rows; the target sends exactly the rows that differ.
- The quota is lifted on both sides, except for wall time. Rows a second are those of the whole process, with its start.
- In: the target gets all companies, endusers and assets of the tenant with the columns a warehouse would send, by `_id`. The
  fewest calls look at the three lists once and send changed rows, 5,000 a call. The definitions of custom fields, which
  the target also reads, are not among them.
- Wall time: each call of the sandbox waits {PACE.latency * 1000:.0f} ms, tap and sandbox keep to {PACE.quota} calls a minute, and the tap makes
  {PACE.at_once} calls at once. Each run has a fresh sandbox, so that the minute before is empty; the median of three rounds is
  shown. Start-up is a run of the same command that selects lean companies only, without the time of its calls. What the
  calls need: each starts as soon as one of the {PACE.at_once} places is free and the quota allows it.
- Airbyte's streams are those of its published source for Planhat, with its page sizes, paginator and parameters, run by its
  declarative CDK. CRUDs reads the same lists with the pages it takes by itself, its pause switched off; it has no
  workflows. Neither asks for hidden rows.

```sh
make bench-calls    # all of it: {{minutes}} minutes on the machine above
make bench-calls ARGS="--tenants 50,500 --only out,wall --page output/benchmarks.md"
make bench-calls ARGS="--help"
```
"""


def render(findings: Findings) -> str:
    """The section in Markdown."""
    parts = [
        _head(findings),
        _bars(findings),
        _out(findings.of("out")),
        _peers(findings.of("peers")),
        _missed(findings.of("peers")),
        _in(findings.of("in")),
        _wall(findings.of("wall")),
        _failures(findings.failures),
        _HOW.format(minutes=max(1, round(findings.minutes))),
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
            f"{run.hidden_passes:,}",
            f"{sum(run.missed.values()):,}",
            f"{run.fewest:,}",
            f"{run.for_hidden:,}",
            *_pace(run),
        )
        for run in runs
    ]
    head = ("", "calls", "of hidden passes", "rows missed", "fewest", "of these for hidden rows")
    return (
        "### Out, the 17 streams of Airbyte's published source\n\n"
        + table((*head, "rows", "rows/s", "peak MiB"), rows)
        + '\n"Of hidden passes": calls of passes that show nothing but hidden rows, which the others do not make.\n'
        if rows
        else ""
    )


def _missed(runs: Sequence[Outcome]) -> str:
    lines = [
        f"- {run.companies:,} companies, {_NAMES[run.who]}: "
        + ", ".join(f"{count:,} {stream}" for stream, count in run.missed.items())
        + f". {run.hidden_missed:,} of them are hidden from a list without parameters.\n"
        for run in runs
        if run.missed
    ]
    note = (
        "\nRows of churn that are missed and not hidden are cut off by the sandbox, whose pages of churn end at 1,000 rows\n"
        "where the published source asks for 2,000: it is not known which is right (B26).\n"
    )
    cut = any(run.who == "airbyte" and run.missed.get("churn") for run in runs)
    return "Rows missed:\n\n" + "".join(lines) + (note if cut else "") if lines else ""


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


def _wall(runs: Sequence[Outcome]) -> str:
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
    title = f"### Wall time, {PACE.latency * 1000:.0f} ms latency, {PACE.quota} calls a minute, {PACE.at_once} at once\n\n"
    return title + table(head, rows) if rows else ""


def _pace(run: Outcome) -> tuple[str, str, str]:
    return f"{run.rows:,}", f"{run.rows / run.wall:,.0f}", f"{run.peak:.0f}"


def _failures(failures: Sequence[dict[str, str]]) -> str:
    if not failures:
        return ""
    lines = [f"- {failure['part']}, {failure['companies']} companies\n" for failure in failures]
    return "### Runs that failed\n\n" + "".join(lines)
