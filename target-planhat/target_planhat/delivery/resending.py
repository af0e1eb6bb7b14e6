"""Sends rows until the fate of each is known, and again only those for which that is safe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planhat_api import Fate, Outcome, PayloadError, SendResult, UnavailableError
from planhat_api.outcome import NOT_SENT

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import PlanhatError, Row
    from target_planhat.delivery.settled import Settled
    from target_planhat.rows.item import Item

    Send = Callable[[Sequence[Row]], SendResult]

__all__ = ["Repeats", "deliver", "deliver_rows", "settled"]

_IN_DOUBT = "an earlier call may have brought the row"


@dataclass(frozen=True)
class Repeats:
    """Which rows may be sent again when it is not known whether they arrived.

    Attributes:
        allowed: How often.
        safe: Whether a row may.
        notice: Told how many are sent again, and why; where it matters.
    """

    allowed: int
    safe: Callable[[Row], bool]
    notice: Callable[[int, PlanhatError], None] | None = None


def deliver_rows(items: Sequence[Item], send: Send, repeats: Repeats, logger: logging.Logger) -> Iterator[Settled]:
    """Send rows in as many calls as it takes; what does not add up in the answers is logged.

    Yields:
        All of them; with an error those whose fate is known, before it is raised.
    """
    result = deliver(items, send, repeats)
    for note in result.notes:
        logger.warning("%s", note)
    if result.error is None:
        yield items, result.outcomes
        return
    places = settled(items, result, repeats)
    yield [items[place] for place in places], [result.outcomes[place] for place in places]
    raise result.error


def deliver(rows: Sequence[Row], send: Send, repeats: Repeats) -> SendResult:
    """Send rows.

    A refusal, or an answer that was lost, is about the rows of one call: those never sent go out all the same. Any
    other error ends it.

    Args:
        rows: The rows.
        send: Sends some of them.
        repeats: Which of those that may have arrived are sent again.

    Returns:
        What became of the rows; some are `NOT_SENT` only with an error.
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
            if outcome.fate is Fate.NOT_SENT:
                unsent.append(index)
            elif outcome.fate is Fate.LOST:
                tries[index] += 1
                if tries[index] <= repeats.allowed and repeats.safe(rows[index]):
                    again.append(index)
        if again and repeats.notice:
            repeats.notice(len(again), result.error)
        waiting = sorted([*unsent, *again])
    return total


def settled(rows: Sequence[Row], result: SendResult, repeats: Repeats) -> list[int]:
    """Indices of the rows that need not, or must not, be sent again by the next run, after an error."""
    return [
        index
        for index, outcome in enumerate(result.outcomes)
        if outcome.fate is not Fate.NOT_SENT and not (outcome.fate is Fate.LOST and repeats.safe(rows[index]))
    ]


def _add(total: SendResult, indices: Sequence[int], result: SendResult, tries: Sequence[int]) -> None:
    """Take in what became of some of the rows.

    Args:
        total: What is known of all rows.
        indices: The rows that were sent.
        result: What became of them.
        tries: In how many calls that brought no answer each row went before.
    """
    total.notes += result.notes
    total.calls += result.calls
    if len(indices) == len(result.outcomes) == len(total.outcomes) and not any(tries):
        # The usual case, all in one, needs no look at each row.
        total.outcomes = result.outcomes
        return
    for index, outcome in zip(indices, result.outcomes, strict=True):
        earlier = total.outcomes[index] if tries[index] else None
        total.outcomes[index] = outcome if earlier is None else _after_lost(earlier, outcome, result.error)


def _after_lost(earlier: Outcome, outcome: Outcome, error: PlanhatError | None) -> Outcome:
    """The outcome of a row that a lost call may have brought before.

    Args:
        earlier: Its outcome after that call.
        outcome: Its outcome now.
        error: Why not every row was sent now.
    """
    if outcome.fate is Fate.UNCHANGED:
        # The lost call may have created or changed it.
        return Outcome(Fate.ACCEPTED, outcome.planhat_id)
    if outcome.fate is Fate.NOT_SENT:
        return earlier
    if outcome.fate is Fate.REJECTED and error is not None:
        return Outcome(Fate.UNKNOWN, outcome.planhat_id, f"{outcome.reason}; {_IN_DOUBT}")
    return outcome


def _is_about_one_call(result: SendResult) -> bool:
    """Whether the error of a result says nothing of the rows that were not sent."""
    error = result.error
    is_of_rows = isinstance(error, PayloadError) or (isinstance(error, UnavailableError) and error.may_have_arrived)
    return is_of_rows and any(outcome.fate is not Fate.NOT_SENT for outcome in result.outcomes)
