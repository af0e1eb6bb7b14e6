"""The streams of Airbyte's published source, read by this project and by others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calls import least, peers
from benchmarks.calls.books import path_of
from benchmarks.calls.outcomes import Outcome
from benchmarks.calls.peers import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.calls.books import Books
    from benchmarks.calls.tap import Tap, TapRun

FIRST = "first"
SECOND = "second"
ANY = "each"


def ours(tap: Tap, books: Books) -> Iterator[Outcome]:
    """This project, twice."""
    first = tap.run(STREAMS)
    yield _outcome(tap, "ours", FIRST, first, books)
    yield _outcome(tap, "ours", SECOND, tap.run(STREAMS, state=first.written.state), books)


def theirs(peer: str, tap: Tap, books: Books) -> Outcome:
    """A peer, which keeps nothing from run to run."""
    done = peers.run(peer, tap.environments, tap.processes, tap.tenant, tap.folder)
    return _outcome(tap, peer, ANY, done, books)


def _outcome(tap: Tap, who: str, run: str, done: TapRun, books: Books) -> Outcome:
    missing = {stream: books.ids(stream) - done.written.ids.get(stream, set()) for stream in STREAMS}
    held = books.held(STREAMS, again=True, missed=missing)
    hidden = [(path, parameters) for path, parameters in books.hidden_parameters if path in map(path_of, STREAMS)]
    return Outcome(
        part="peers",
        companies=tap.tenant.companies,
        run=run,
        who=who,
        calls=len(done.calls),
        fewest=least.full(held),
        proofs=least.proofs(held) if run == FIRST else 0,
        rows=done.written.rows,
        wall=done.usage.wall,
        peak=done.usage.peak,
        paths=done.calls.by_path,
        hidden_passes=sum(done.calls.with_parameters(path, parameters) for path, parameters in hidden),
        missed={stream: len(rows) for stream, rows in missing.items() if rows},
        for_missed=least.for_missed(held),
        hidden_missed=sum(len(rows - books.shown(stream)) for stream, rows in missing.items()),
    )
