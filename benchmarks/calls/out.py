"""Every stream of the tap: first runs and runs after them, with and without changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calls import changes, least
from benchmarks.calls.books import POINTS, stamped_streams, streams
from benchmarks.calls.outcomes import Outcome
from benchmarks.measure import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.calls.books import Books
    from benchmarks.calls.least import Held
    from benchmarks.calls.lines import Written
    from benchmarks.calls.tap import Tap, TapRun

FIRST = "first"
SECOND = "second, nothing changed"
CHANGED = "third, 1% changed"
INCREMENTAL = "INCREMENTAL, "


def measured(tap: Tap, books: Books) -> Iterator[Outcome]:
    """All runs, in an order in which each tenant changes once.

    Raises:
        RunFailedError: A run failed, or its records are not those of the tenant.
    """
    every = streams()
    whole = books.held(every, again=False)
    full = tap.run(every)
    check_all(full.written, books, again=False)
    yield _of_all(tap, FIRST, full, whole, proven=True)
    second = tap.run(every, state=full.written.state)
    check_all(second.written, books, again=True)
    yield _of_all(tap, SECOND, second, books.held(every, again=True))
    incremental = tap.run(every, incremental=True)
    check_all(incremental.written, books, again=False)
    yield _of_all(tap, INCREMENTAL + FIRST, incremental, whole, proven=True)
    quiet = tap.run(every, incremental=True, state=incremental.written.state)
    yield _of_news(tap, SECOND, quiet, books.held(every, again=True))
    changes.one_percent(tap.tenant, books)
    third = tap.run(every, state=second.written.state)
    check_all(third.written, books, again=True)
    yield _of_all(tap, CHANGED, third, books.held(every, again=True))
    news = tap.run(every, incremental=True, state=quiet.written.state)
    _check_changed(news.written, books)
    yield _of_news(tap, CHANGED, news, books.held(every, again=True))


def check_all(written: Written, books: Books, *, again: bool) -> None:
    """Compare the records of a full read with the tenant.

    Raises:
        RunFailedError: They are not the same.
    """
    wrong = [
        f"{stream}: {len(expected - found)} rows missing, {len(found - expected)} unknown"
        for stream in streams()
        if stream != POINTS and (expected := books.ids(stream)) != (found := written.ids.get(stream, set()))
    ]
    expected_points = books.points(again=again)
    if written.points != expected_points:
        wrong.append(f"{POINTS}: {written.points.count} points in place of {expected_points.count}")
    if wrong:
        raise RunFailedError("; ".join(wrong))


def _check_changed(written: Written, books: Books) -> None:
    lost = {
        stream: len(missing)
        for stream in stamped_streams()
        if (missing := books.changed.get(stream, set()) - written.ids.get(stream, set()))
    }
    if lost:
        message = f"changed rows that were not read: {lost}"
        raise RunFailedError(message)


def _of_all(tap: Tap, run: str, done: TapRun, held: Sequence[Held], *, proven: bool = False) -> Outcome:
    return _outcome(tap, run, done, least.full(held), least.proofs(held) if proven else 0)


def _of_news(tap: Tap, run: str, done: TapRun, held: Sequence[Held]) -> Outcome:
    return _outcome(tap, INCREMENTAL + run, done, least.news(held))


def _outcome(tap: Tap, run: str, done: TapRun, fewest: int, proofs: int = 0) -> Outcome:
    return Outcome(
        part="out",
        companies=tap.tenant.companies,
        run=run,
        who="ours",
        calls=len(done.calls),
        fewest=fewest,
        proofs=proofs,
        rows=done.written.rows,
        wall=done.usage.wall,
        peak=done.usage.peak,
        paths=done.calls.by_path,
    )
