"""Chooses in which groups rows are sent again that an answer leaves open."""

from __future__ import annotations

from functools import partial
from math import log2
from typing import TYPE_CHECKING

from planhat_api.bulk.call_groups import call_groups
from planhat_api.outcome import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planhat_api.bulk.hints import Hints
    from planhat_api.bulk.interpretation import OpenRows
    from planhat_api.bulk.known_rows import KnownRows

__all__ = ["open_groups"]

_INSERTED_EACH_TIME = (
    "the row may have been stored under another _id, for its key means no row that Planhat holds, or several; "
    "sent again it may be stored twice"
)


def open_groups(
    open_rows: OpenRows, known: KnownRows, hints: Hints, calls_left: Callable[[], int], most_calls: int
) -> Iterator[list[int]]:
    """First the rows that something sets apart from the others, then the rest.

    Rows that may be inserted anew each time they are sent are left out, unless Planhat inserts no such row at all.
    Whoever takes the groups sends each before he asks for the next, which is chosen by what came of it.

    Args:
        open_rows: The rows that are open.
        known: What is known of all rows.
        hints: Hints at what became of rows.
        calls_left: How many further calls may be made.
        most_calls: How many calls a lookup may cost at most.
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
    """The rows in groups without a shared key: they may have been refused only because they went together (B90)."""
    return known.grouped(partial(call_groups, most=None), indices)


def _suspects(open_rows: OpenRows, known: KnownRows, hints: Hints, most_calls: int) -> Iterator[tuple[list[int], bool]]:
    """Rows that are more likely not stored than the others, and whether Planhat inserts no such row at all."""
    yield open_rows.suspects, False
    if _expected_rejects(open_rows, known):
        yield known.picked(hints.without_company, known.unsettled(open_rows.rows)), True
    rejects = _expected_rejects(open_rows, known)
    if rejects:
        waiting = known.unsettled(open_rows.rows)
        calls = min(_calls_to_find(rejects, len(waiting)), most_calls)
        yield known.picked(lambda rows: hints.with_doubtful_key(rows, rejects, calls), waiting), False


def _expected_rejects(open_rows: OpenRows, known: KnownRows) -> int:
    """How many of the rows are refused for what they are, as far as is known, and not settled yet."""
    expected = open_rows.errors if open_rows.absent is None else open_rows.absent
    fates = [outcome.fate for outcome in known.known(open_rows.rows).values()]
    return max(0, expected - fates.count(Fate.REJECTED))


def _stored_once(
    indices: list[int], open_rows: OpenRows, known: KnownRows, hints: Hints, calls_left: Callable[[], int]
) -> list[int]:
    """Those of the rows that are stored once however often they are sent; the others are settled as unknown."""
    if not open_rows.left.created:
        return indices
    left = calls_left()
    doubtful = set(known.picked(lambda rows: hints.inserted_each_time(rows, left), indices))
    known.settle_as(Fate.UNKNOWN, doubtful, _INSERTED_EACH_TIME)
    return [index for index in indices if index not in doubtful]


def _calls_to_find(missing: int, rows: int) -> float:
    """About how many calls it takes to find the missing ones of these rows by sending halves again."""
    missing = min(missing, rows)
    return 2 * missing * (log2(rows / missing) + 1) if missing else 0
