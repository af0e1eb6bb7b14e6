"""Posts rows to the analytics host and reads its answers (B15, B80, B81, B84)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.bulk.error_items import message_of
from planhat_api.bulk.upsert import batches
from planhat_api.errors import PayloadError, PlanhatError
from planhat_api.http.call import GarbledError, NestedError
from planhat_api.jsontext import decode, encode, nests_deeply
from planhat_api.outcome import NOT_SENT, Outcome, OutcomeKind, SendResult, outcome_of_failed_call
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.http.call import Answer
    from planhat_api.row import Row

__all__ = [
    "ACCEPTED",
    "MOST_BYTES",
    "ROWS_PER_CALL",
    "CallOutcomes",
    "MetricAnswer",
    "interpret_metrics",
    "push",
    "read_metrics",
]

MOST_BYTES = 30_000_000  # B15: below 32 MB
ROWS_PER_CALL = 10_000  # B16: Planhat takes 100,000; of fewer, fewer are in doubt when a call breaks off
_TOO_LARGE = 413
ACCEPTED = Outcome(OutcomeKind.ACCEPTED)

CallOutcomes = tuple[list[Outcome], list[str]]


class MetricAnswer(msgspec.Struct):
    """The answer to metric points (B81); missing parts are None."""

    processed: int | None = None
    errors: list[Any] | None = None


def push(
    rows: Sequence[Row], send: Callable[[Sequence[Row]], CallOutcomes], *, most_rows: int, most_bytes: int = MOST_BYTES
) -> SendResult:
    """Post rows in calls of limited rows and bytes.

    Args:
        rows: Any number of rows.
        send: Posts one body and returns the outcome of each of its rows.
        most_rows: The most rows of one body.
        most_bytes: The most bytes of one body.

    Returns:
        The outcome of each row. After a call that failed as a whole there is no other call, and the result has its
        error.
    """
    result = SendResult([NOT_SENT] * len(rows))
    waiting = list(batches(rows, range(len(rows)), most_rows=most_rows, most_bytes=most_bytes))[::-1]
    try:
        while waiting:
            batch = waiting.pop()
            result.calls += 1
            try:
                outcomes, notes = send([rows[index] for index in batch])
            except PayloadError as error:
                if error.status != _TOO_LARGE:
                    raise
                if len(batch) == 1:
                    result.outcomes[batch[0]] = Outcome.rejected("the row is too large for Planhat (413)")
                    continue
                middle = len(batch) // 2
                waiting += [batch[middle:], batch[:middle]]
                continue
            result.notes += notes
            for index, outcome in zip(batch, outcomes, strict=True):
                result.outcomes[index] = outcome
    except PlanhatError as error:
        outcome = outcome_of_failed_call(error)
        for index in batch:
            result.outcomes[index] = outcome
        result.error = error
    return result


def read_metrics(answer: Answer) -> MetricAnswer:
    """Read the answer to metric points.

    Raises:
        GarbledError: It is not an answer of Planhat.
    """
    if not answer.body.strip():
        return MetricAnswer()
    try:
        metrics = msgspec.json.decode(answer.body, type=MetricAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = "not the answer to metrics"
        raise GarbledError(message) from None
    if nests_deeply(metrics.errors):
        message = "an error that it lists"
        raise NestedError(message)
    return metrics


def interpret_metrics(rows: Sequence[Row], answer: MetricAnswer) -> CallOutcomes:
    """The outcome of each point. Errors contain the point that they are about (B81)."""
    errors = answer.errors or []
    outcomes = [ACCEPTED] * len(rows)
    notes = []
    if answer.processed is None:
        notes.append("Planhat did not say how many points it processed")
    elif len(rows) not in {answer.processed, answer.processed + len(errors)}:
        notes.append(f"{len(rows)} points sent, but Planhat counts {answer.processed} processed, {len(errors)} errors")
    if not errors:
        return outcomes, notes
    points = _Points([decode(row.body) for row in rows])
    unmatched = []
    for error in errors:
        echo = error.get("item") if isinstance(error, dict) else None
        found = points.find(echo) if isinstance(echo, dict) else None
        if found is None:
            unmatched.append(error)
        else:
            outcomes[found] = Outcome(OutcomeKind.REJECTED, None, message_of(error, rows[found].keys.values()))
    if unmatched:
        _mark_unmatched(rows, outcomes, unmatched)
        notes.append(f"{len(unmatched)} errors do not name a point of the call")
    return outcomes, notes


class _Points:
    """Finds the points of one call by the points in errors. Each point is found once."""

    def __init__(self, points: Sequence[Mapping[str, Any]]) -> None:
        self._points = points
        self._free = set(range(len(points)))
        self._exact: dict[bytes, list[int]] = {}
        self._of_fields: dict[frozenset[str], list[int]] = {}
        self._alike: dict[tuple[frozenset[str], frozenset[str]], dict[bytes, list[int]]] = {}
        # From the last to the first, so that the first one is found first.
        for position in reversed(range(len(points))):
            self._exact.setdefault(_canonical(points[position]), []).append(position)
            self._of_fields.setdefault(frozenset(points[position]), []).append(position)

    def find(self, echo: Mapping[str, Any]) -> int | None:
        """The index of the point in an error: an equal point, else the only point that does not contradict it."""
        exact = self._first_free(self._exact.get(_canonical(echo), []), 1)
        alike = exact or [
            position for fields in self._of_fields for position in self._first_free(self._like(echo, fields), _SEVERAL)
        ]
        if len(alike) != 1:
            return None
        self._free.discard(alike[0])
        return alike[0]

    def _like(self, echo: Mapping[str, Any], fields: frozenset[str]) -> list[int]:
        """The points with these fields that agree with an echo in all common fields and in the fields of ``_NAMES``."""
        shared = fields.intersection(echo)
        alike = self._alike.get((fields, shared))
        if alike is None:
            alike = self._alike[fields, shared] = {}
            for position in self._of_fields[fields]:
                alike.setdefault(_form(self._points[position], shared), []).append(position)
        return alike.get(_form(echo, shared), [])

    def _first_free(self, positions: list[int], most: int) -> list[int]:
        while positions and positions[-1] not in self._free:
            positions.pop()
        free = (position for position in reversed(positions) if position in self._free)
        return list(islice(free, most))


_SEVERAL = 2
_NAMES = ("dimensionId", "externalId", "value")


def _canonical(point: Mapping[str, Any]) -> bytes:
    return encode(point, order="sorted")


def _form(point: Mapping[str, Any], fields: frozenset[str]) -> bytes:
    """The values of these fields and of ``_NAMES``, so that numbers and their texts are equal (B43)."""
    values = [(name, point.get(name)) for name in sorted(fields.union(_NAMES))]
    return encode(
        [(name, value if key_text(value) is None else key_text(value)) for name, value in values], order="sorted"
    )


def _mark_unmatched(rows: Sequence[Row], outcomes: list[Outcome], errors: Sequence[Any]) -> None:
    """Set the outcome of the other points, because each error without a known point may be about any of them."""
    left = [index for index, outcome in enumerate(outcomes) if outcome.kind is OutcomeKind.ACCEPTED]
    kind = OutcomeKind.REJECTED if len(errors) >= len(left) else OutcomeKind.UNKNOWN
    for index in left:
        outcomes[index] = Outcome(kind, None, message_of(errors[0], rows[index].keys.values()))
