"""Sends rows in bulk calls of a size that Planhat accepts."""

from __future__ import annotations

from random import randrange
from typing import TYPE_CHECKING

from planhat_api.bulk.call_groups import MOST_GROUPS, call_groups
from planhat_api.bulk.hints import NoHints
from planhat_api.bulk.resolve import Resolver
from planhat_api.bulk.wording import is_refused_as_duplicate
from planhat_api.errors import PlanhatError
from planhat_api.outcome import NOT_SENT, SendResult, lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api.bulk.answer import BulkAnswer
    from planhat_api.bulk.hints import Hints
    from planhat_api.row import Row

__all__ = ["MOST_BYTES", "MOST_ROWS", "batches", "upsert"]

MOST_ROWS = 5_000  # B13
MOST_BYTES = 8_000_000  # Q7: well under 32 MB


def upsert(
    rows: Sequence[Row],
    send: Callable[[Sequence[Row]], BulkAnswer],
    check_available: Callable[[], None],
    hints: Hints | None = None,
    *,
    distinct: bool = False,
) -> SendResult:
    """Send rows, one call after the other (B14). Return the outcome of each.

    Rows with and without keys are sent in different calls, because only rows with keys are safe to send twice. No call
    has two rows that share a key (B64, B90). Rows that Planhat still rejects as duplicates are sent once more.

    Args:
        rows: Any number of rows, in the order in which they have to take effect.
        send: Makes one bulk call.
        check_available: Makes a harmless call. It raises an error if Planhat is not available.
        hints: Hints about outcomes; None for no hints.
        distinct: Whether certainly no two rows share a key.

    Returns:
        The outcome of each row. If a call fails, no further call is made, and the result has its error.
    """
    resolver = Resolver(rows, send, check_available, hints or NoHints())
    keyed = [index for index, row in enumerate(rows) if row.keys]
    unkeyed = [index for index, row in enumerate(rows) if not row.keys]
    try:
        for group in [keyed] if distinct else _groups_of(rows, keyed):
            _send_all(rows, group, resolver)
            _repeat_duplicated(rows, group, resolver)
        _send_all(rows, unkeyed, resolver)
    except PlanhatError as error:
        known = {**resolver.known.outcomes, **dict.fromkeys(resolver.known.in_flight, lost(error))}
        outcomes = [known.get(index, NOT_SENT) for index in range(len(rows))]
        return SendResult(outcomes, resolver.notes, resolver.calls, error)
    outcomes = [resolver.known.outcomes[index] for index in range(len(rows))]
    return SendResult(outcomes, resolver.notes, resolver.calls)


def _send_all(rows: Sequence[Row], indices: Sequence[int], resolver: Resolver) -> None:
    for batch in batches(rows, indices, most_rows=MOST_ROWS, most_bytes=MOST_BYTES):
        resolver.resolve(batch)


def _repeat_duplicated(rows: Sequence[Row], sent: Sequence[int], resolver: Resolver) -> None:
    """Send rows once more that were rejected as duplicates, before later rows, so that the order is kept.

    The first group is random. So if there are more groups than may be sent, each is sent in some run.
    """
    refused = [index for index in sent if is_refused_as_duplicate(resolver.known.outcomes[index])]
    again = _groups_of(rows, refused, most=None)
    start = randrange(len(again)) if again else 0  # noqa: S311 # no secret
    for group in again[start:] + again[:start]:
        resolver.resolve_duplicated(group)


def _groups_of(rows: Sequence[Row], indices: Sequence[int], most: int | None = MOST_GROUPS) -> list[list[int]]:
    return [[indices[place] for place in group] for group in call_groups([rows[index] for index in indices], most)]


def batches(rows: Sequence[Row], indices: Sequence[int], *, most_rows: int, most_bytes: int) -> Iterator[list[int]]:
    """Split rows into batches by number and by bytes of the body. A row above the limit is sent alone."""
    bodies = [rows[index].body for index in indices]
    if bodies and len(bodies) <= most_rows and 2 + sum(map(len, bodies)) + len(bodies) <= most_bytes:
        # In the usual case, all rows fit into one batch.
        yield list(indices)
        return
    batch: list[int] = []
    size = 2
    for index in indices:
        length = len(rows[index].body) + 1
        if batch and (len(batch) >= most_rows or size + length > most_bytes):
            yield batch
            batch, size = [], 2
        batch.append(index)
        size += length
    if batch:
        yield batch
