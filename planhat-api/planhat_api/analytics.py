"""Posts rows to the analytics host in bodies it takes, and reads what it says about them (B15, B80, B81, B84)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.bulk.error_items import message_of
from planhat_api.bulk.upsert import batches
from planhat_api.errors import PayloadError, PlanhatError, UnavailableError
from planhat_api.http.call import GarbledError, NestedError
from planhat_api.jsontext import decode, encode, nests_deeply
from planhat_api.outcome import NOT_SENT, WITHOUT_ANSWER, Fate, Outcome, PushResult
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.http.call import Answer
    from planhat_api.row import Row

__all__ = [
    "ACCEPTED",
    "MOST_BYTES",
    "ROWS_PER_CALL",
    "MetricAnswer",
    "Verdict",
    "judge_metrics",
    "push",
    "read_metrics",
]

MOST_BYTES = 30_000_000  # B15: below 32 MB
ROWS_PER_CALL = 10_000  # B16: Planhat takes 100,000; of fewer, fewer are in doubt when a call breaks off
_TOO_LARGE = 413
ACCEPTED = Outcome(Fate.ACCEPTED)

Verdict = tuple[list[Outcome], list[str]]


class MetricAnswer(msgspec.Struct):
    """What Planhat says about metric points (B81); absent parts are None."""

    processed: int | None = None
    errors: list[Any] | None = None


def push(
    rows: Sequence[Row], send: Callable[[Sequence[Row]], Verdict], *, most_rows: int, most_bytes: int = MOST_BYTES
) -> PushResult:
    """Post rows, cut by count and by bytes of the encoded body.

    Args:
        rows: Any number of rows.
        send: Posts one body and tells the outcome of each of its rows.
        most_rows: Rows in one body.
        most_bytes: Bytes of one body.

    Raises:
        PlanhatError: A call failed as a whole. ``outcomes`` of the error tells what is known of each row.
    """
    result = PushResult([NOT_SENT] * len(rows))
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
                    result.outcomes[batch[0]] = Outcome(Fate.REJECTED, None, "the row is too large for Planhat (413)")
                    continue
                middle = len(batch) // 2
                waiting += [batch[middle:], batch[:middle]]
                continue
            result.notes += notes
            for index, outcome in zip(batch, outcomes, strict=True):
                result.outcomes[index] = outcome
    except PlanhatError as error:
        for index in batch:
            result.outcomes[index] = _outcome_of_failed(error)
        error.outcomes = result.outcomes
        raise
    return result


def _outcome_of_failed(error: PlanhatError) -> Outcome:
    """What a call that failed means for each of its rows."""
    if isinstance(error, UnavailableError) and error.may_have_arrived:
        return WITHOUT_ANSWER
    return Outcome(Fate.REJECTED, None, str(error)) if isinstance(error, PayloadError) else NOT_SENT


def read_metrics(answer: Answer) -> MetricAnswer:
    """Read the answer to metric points.

    Raises:
        GarbledError: It is not the answer of Planhat.
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


def judge_metrics(rows: Sequence[Row], answer: MetricAnswer) -> Verdict:
    """Tell which points were taken. Errors echo the point they mean (B81)."""
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
        found = points.meant_by(echo) if isinstance(echo, dict) else None
        if found is None:
            unmatched.append(error)
        else:
            outcomes[found] = Outcome(Fate.REJECTED, None, message_of(error, rows[found].keys.values()))
    if unmatched:
        _doubt(rows, outcomes, unmatched)
        notes.append(f"{len(unmatched)} errors that name no point of the call")
    return outcomes, notes


class _Points:
    """The points of one call, found by what errors echo of them. Each is found once."""

    def __init__(self, points: Sequence[Mapping[str, Any]]) -> None:
        self._points = points
        self._free = set(range(len(points)))
        self._exact: dict[bytes, list[int]] = {}
        self._of_fields: dict[frozenset[str], list[int]] = {}
        self._alike: dict[tuple[frozenset[str], frozenset[str]], dict[bytes, list[int]]] = {}
        # From the last to the first, so that the first is taken first.
        for position in reversed(range(len(points))):
            self._exact.setdefault(_canonical(points[position]), []).append(position)
            self._of_fields.setdefault(frozenset(points[position]), []).append(position)

    def meant_by(self, echo: Mapping[str, Any]) -> int | None:
        """The point an error echoes: the same one, else the only one it does not contradict."""
        exact = self._first_free(self._exact.get(_canonical(echo), []), 1)
        alike = exact or [
            position for fields in self._of_fields for position in self._first_free(self._like(echo, fields), _SEVERAL)
        ]
        if len(alike) != 1:
            return None
        self._free.discard(alike[0])
        return alike[0]

    def _like(self, echo: Mapping[str, Any], fields: frozenset[str]) -> list[int]:
        """The points with these fields that agree with an echo in all that both have, and in what names the record."""
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
    """What is equal in two points that have equal values, be it as text (B43), in these fields and in their names."""
    values = [(name, point.get(name)) for name in sorted(fields.union(_NAMES))]
    return encode(
        [(name, value if key_text(value) is None else key_text(value)) for name, value in values], order="sorted"
    )


def _doubt(rows: Sequence[Row], outcomes: list[Outcome], errors: Sequence[Any]) -> None:
    """Errors that name no point may mean any of those left."""
    left = [index for index, outcome in enumerate(outcomes) if outcome.fate is Fate.ACCEPTED]
    fate = Fate.REJECTED if len(errors) >= len(left) else Fate.UNKNOWN
    for index in left:
        outcomes[index] = Outcome(fate, None, message_of(errors[0], rows[index].keys.values()))
