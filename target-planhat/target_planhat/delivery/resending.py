"""Sends rows until the outcome of each row is known. Repeats only the rows for which that is safe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from planhat_api import Outcome, OutcomeKind, PayloadError, Row, SendResult, UnavailableError
from planhat_api.outcome import NOT_SENT

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import PlanhatError

    Send = Callable[[Sequence[Row]], SendResult]

__all__ = ["RepeatPolicy", "deliver", "deliver_rows", "rows_with_final_outcome"]

_Row = TypeVar("_Row", bound=Row)
_IN_DOUBT = "an earlier call may have stored the row"


@dataclass(frozen=True)
class RepeatPolicy:
    """Which rows may be sent again when it is not known whether they arrived.

    Attributes:
        allowed: How often a row may be sent again.
        is_safe: Whether a row may be sent again.
        on_repeat: Called with the number of rows that are sent again, and the error; None if nobody needs to know.
    """

    allowed: int
    is_safe: Callable[[Row], bool]
    on_repeat: Callable[[int, PlanhatError], None] | None = None


def deliver_rows(
    items: Sequence[_Row], send: Send, repeats: RepeatPolicy, logger: logging.Logger
) -> Iterator[tuple[Sequence[_Row], Sequence[Outcome]]]:
    """Send rows in as many calls as necessary. Contradictions in the answers are logged.

    Yields:
        All rows; or, before an error is raised, the rows whose outcome is known.
    """
    result = deliver(items, send, repeats)
    for note in result.notes:
        logger.warning("%s", note)
    if result.error is None:
        yield items, result.outcomes
        return
    places = rows_with_final_outcome(items, result, repeats)
    yield [items[place] for place in places], [result.outcomes[place] for place in places]
    raise result.error


def deliver(rows: Sequence[Row], send: Send, repeats: RepeatPolicy) -> SendResult:
    """Send rows.

    If a call is refused or its answer is lost, that concerns only the rows of this call: the rows that were not sent
    yet are still sent. Any other error ends the delivery.

    Args:
        rows: The rows.
        send: Sends some of the rows.
        repeats: Which of the rows that may have arrived are sent again.

    Returns:
        The outcomes of the rows. Only with an error, some are `NOT_SENT`.
    """
    total = SendResult([NOT_SENT] * len(rows))
    tries = [0] * len(rows)
    waiting: Sequence[int] = range(len(rows))
    while waiting:
        result = send([rows[index] for index in waiting])
        _add(total, waiting, result, tries)
        if result.error is None:
            break
        if not _is_about_one_call(result):
            total.error = result.error
            break
        again = []
        unsent = []
        for index, outcome in zip(waiting, result.outcomes, strict=True):
            if outcome.kind is OutcomeKind.NOT_SENT:
                unsent.append(index)
            elif outcome.kind is OutcomeKind.LOST:
                tries[index] += 1
                if tries[index] <= repeats.allowed and repeats.is_safe(rows[index]):
                    again.append(index)
        if again and repeats.on_repeat:
            repeats.on_repeat(len(again), result.error)
        waiting = sorted([*unsent, *again])
    return total


def rows_with_final_outcome(rows: Sequence[Row], result: SendResult, repeats: RepeatPolicy) -> list[int]:
    """After an error: indices of the rows that the next run need not or must not send again."""
    return [
        index
        for index, outcome in enumerate(result.outcomes)
        if outcome.kind is not OutcomeKind.NOT_SENT
        and not (outcome.kind is OutcomeKind.LOST and repeats.is_safe(rows[index]))
    ]


def _add(total: SendResult, indices: Sequence[int], result: SendResult, tries: Sequence[int]) -> None:
    """Add the outcomes of some of the rows.

    Args:
        total: The result for all rows.
        indices: The rows that were sent.
        result: Their outcomes.
        tries: For each row, how many earlier calls with it brought no answer.
    """
    total.notes += result.notes
    total.calls += result.calls
    if len(indices) == len(result.outcomes) == len(total.outcomes) and not any(tries):
        # In the usual case, one call has sent all rows.
        total.outcomes = result.outcomes
        return
    for index, outcome in zip(indices, result.outcomes, strict=True):
        earlier = total.outcomes[index] if tries[index] else None
        total.outcomes[index] = outcome if earlier is None else _after_lost(earlier, outcome, result.error)


def _after_lost(earlier: Outcome, outcome: Outcome, error: PlanhatError | None) -> Outcome:
    """The outcome of a row that an earlier call without an answer may have stored.

    Args:
        earlier: Its outcome after that call.
        outcome: Its outcome now.
        error: Why not every row was sent now.
    """
    if outcome.kind is OutcomeKind.UNCHANGED:
        # The earlier call may have created or changed it.
        return Outcome(OutcomeKind.ACCEPTED, outcome.planhat_id)
    if outcome.kind is OutcomeKind.NOT_SENT:
        return earlier
    if outcome.kind is OutcomeKind.REJECTED and error is not None:
        return Outcome(OutcomeKind.UNKNOWN, outcome.planhat_id, f"{outcome.reason}; {_IN_DOUBT}")
    return outcome


def _is_about_one_call(result: SendResult) -> bool:
    """Whether the error of a result does not concern the rows that were not sent."""
    error = result.error
    is_of_rows = isinstance(error, PayloadError) or (isinstance(error, UnavailableError) and error.may_have_arrived)
    return is_of_rows and any(outcome.kind is not OutcomeKind.NOT_SENT for outcome in result.outcomes)
