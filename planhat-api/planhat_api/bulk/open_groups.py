"""Chooses the groups in which open rows are sent again."""

from __future__ import annotations

from functools import partial
from math import log2
from typing import TYPE_CHECKING

from planhat_api.bulk.call_groups import call_groups
from planhat_api.outcome import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planhat_api.bulk.hints import Hints
    from planhat_api.bulk.interpretation import OpenRows
    from planhat_api.bulk.known_rows import KnownRows

__all__ = ["open_groups"]

_INSERTED_EACH_TIME = (
    "the row may have been stored under another _id, because no row or several rows in Planhat have its key; "
    "if it is sent again, it may be stored twice"
)


def open_groups(
    open_rows: OpenRows, known: KnownRows, hints: Hints, calls_left: Callable[[], int], most_calls: int
) -> Iterator[list[int]]:
    """Groups of rows to send again: first the rows that hints or errors single out, then the others.

    Rows that may be inserted each time they are sent are left out, unless Planhat inserts no such rows. The caller must
    send each group before it requests the next one, which depends on the outcomes.

    Args:
        open_rows: The open rows.
        known: All rows with their outcomes so far.
        hints: Hints about outcomes.
        calls_left: Gives the number of further calls that are allowed.
        most_calls: Number of calls that a lookup may need at most.
    """
    waiting = open_rows.rows
    for suspects, never_inserted in _suspects(open_rows, known, hints, most_calls):
        chosen = set(suspects).intersection(waiting)
        if 0 < len(chosen) < len(waiting):
            group = [index for index in waiting if index in chosen]
            waiting = [index for index in waiting if index not in chosen]
            yield from _without_shared_keys(
                group if never_inserted else _stored_once(group, open_rows, known, hints, calls_left), known
            )
    parts = _without_shared_keys(_stored_once(waiting, open_rows, known, hints, calls_left), known)
    if len(parts) == 1 and len(parts[0]) == len(open_rows.rows) and not open_rows.may_add_up:
        middle = (len(waiting) + 1) // 2
        parts = [waiting[:middle], waiting[middle:]]
    yield from parts


def _without_shared_keys(indices: list[int], known: KnownRows) -> list[list[int]]:
    """The rows in groups without shared keys, because they may have been rejected only for a shared key (B90)."""
    return known.grouped(partial(call_groups, most=None), indices)


def _suspects(open_rows: OpenRows, known: KnownRows, hints: Hints, most_calls: int) -> Iterator[tuple[list[int], bool]]:
    """Rows that are probably not stored, and whether Planhat never inserts such rows."""
    yield open_rows.suspects, False
    if _expected_rejects(open_rows, known):
        yield known.picked(hints.without_company, known.without_outcome(open_rows.rows)), True
    rejects = _expected_rejects(open_rows, known)
    if rejects:
        waiting = known.without_outcome(open_rows.rows)
        calls = min(_calls_to_find(rejects, len(waiting)), most_calls)
        yield known.picked(lambda rows: hints.with_doubtful_key(rows, rejects, calls), waiting), False


def _expected_rejects(open_rows: OpenRows, known: KnownRows) -> int:
    """Number of rows that are probably rejected for their own sake and have no outcome yet."""
    expected = open_rows.errors if open_rows.absent is None else open_rows.absent
    kinds = [outcome.kind for outcome in known.known(open_rows.rows).values()]
    return max(0, expected - kinds.count(OutcomeKind.REJECTED))


def _stored_once(
    indices: list[int], open_rows: OpenRows, known: KnownRows, hints: Hints, calls_left: Callable[[], int]
) -> list[int]:
    """The rows that are stored once, even if they are sent several times. The others become unknown."""
    if not open_rows.left.created:
        return indices
    left = calls_left()
    doubtful = set(known.picked(lambda rows: hints.inserted_each_time(rows, left), indices))
    known.set_same_outcome(OutcomeKind.UNKNOWN, doubtful, _INSERTED_EACH_TIME)
    return [index for index in indices if index not in doubtful]


def _calls_to_find(missing: int, rows: int) -> float:
    """Approximate number of calls to find the missing rows by sending halves again."""
    missing = min(missing, rows)
    return 2 * missing * (log2(rows / missing) + 1) if missing else 0
