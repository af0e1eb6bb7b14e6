"""The rows of a warehouse into a tenant that holds them: nothing differs, or one percent does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calls import least, warehouse
from benchmarks.calls.outcomes import Outcome
from benchmarks.measure import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.calls.books import Books
    from benchmarks.calls.target import Target
    from benchmarks.calls.tenant import Calls

QUIET = "`write: changes`, nothing differs"
CHANGED = "`write: changes`, 1% differs"
BLIND = "`write: all`"


def measured(target: Target, books: Books) -> Iterator[Outcome]:
    """The three runs.

    Raises:
        RunFailedError: A run failed, or it sent more or fewer rows than it had to.
    """
    rows = target.folder / "rows.singer"
    held = books.held(tuple(warehouse.COLUMNS), again=True)
    for run, write, changed in ((QUIET, "changes", None), (CHANGED, "changes", "changed"), (BLIND, "all", None)):
        counts = warehouse.write(target.tenant, rows, changed=changed)
        differing = warehouse.changed_rows(counts) if changed else {}
        calls, usage = target.run(rows, write=write)
        _check_sent(run, calls, counts if write == "all" else differing)
        yield Outcome(
            part="in",
            companies=target.tenant.companies,
            run=run,
            who="ours",
            calls=len(calls),
            fewest=least.blind_writes(counts) if write == "all" else least.writes(held, differing),
            rows=sum(counts.values()),
            wall=usage.wall,
            peak=usage.peak,
            kinds=calls.kinds,
            paths=calls.by_path,
            blind=least.blind_writes(counts),
        )
    rows.unlink()


def _check_sent(run: str, calls: Calls, expected: Mapping[str, int]) -> None:
    sent = sum(call.rows for call in calls.all if call.method == "PUT")
    if sent != sum(expected.values()):
        message = f"{run}: {sent} rows were sent in place of {sum(expected.values())}"
        raise RunFailedError(message)
