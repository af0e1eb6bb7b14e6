"""Makes one call for each row. A row for which Planhat returns a server error does not end the run (B75)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind, PayloadError, PlanhatError, SendResult, UnavailableError
from planhat_api.outcome import NOT_SENT, outcome_of_failed_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from planhat_api import Row
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.rows.item import Item

__all__ = ["ConsecutiveFailures", "call_for_each", "post_each"]

_ACCEPTED = Outcome(OutcomeKind.ACCEPTED)
_SERVER_ERROR = 500
_MOST_IN_A_ROW = 14
"""Consecutive rows that may fail. If more fail, the rows are not the cause."""


class ConsecutiveFailures:
    """Counts consecutive rows that fail."""

    def __init__(self) -> None:
        """Start without failures."""
        self._number = 0

    def reset(self) -> None:
        """Note that a row did not fail."""
        self._number = 0

    def add(self) -> bool:
        """Count a failure. Return whether there are so many that the rows are not the cause."""
        self._number += 1
        return self._number > _MOST_IN_A_ROW


def call_for_each(
    items: Iterable[Item], call: Callable[[Item], Outcome], check_available: Callable[[], None]
) -> Iterator[ItemOutcomes]:
    """Make a call for each row.

    Args:
        items: The rows.
        call: Makes the call for one row, and repeats it if that is safe.
        check_available: Makes a harmless call. It raises an error if Planhat is not available.

    Raises:
        PlanhatError: The cause is not one row. The rows that seemed to be the cause come again with the next run.
    """
    suspects: list[Item] = []
    outcomes: list[Outcome] = []
    failures = ConsecutiveFailures()
    for item in items:
        try:
            outcome = call(item)
        except PayloadError as err:
            outcome = Outcome.rejected(str(err))
        except UnavailableError as err:
            if err.status != _SERVER_ERROR or err.may_have_arrived or failures.add():
                raise
            if not suspects:
                check_available()
            suspects.append(item)
            reason = f"Planhat fails on this row ({_SERVER_ERROR}): {err.detail}"
            outcomes.append(Outcome.rejected(reason))
            continue
        yield suspects, outcomes
        suspects, outcomes = [], []
        failures.reset()
        yield [item], [outcome]
    yield suspects, outcomes


def post_each(rows: Sequence[Row], push: Callable[[Row], Any], failures: ConsecutiveFailures) -> SendResult:
    """Send each row in its own call, until a call fails for a reason other than its row.

    Args:
        rows: The rows.
        push: Sends one row.
        failures: Counts consecutive rows, also of earlier batches, that may have arrived. If there are too many, the
            error ends the run.
    """
    result = SendResult([NOT_SENT] * len(rows))
    for place, row in enumerate(rows):
        result.calls += 1
        try:
            push(row)
        except PlanhatError as err:
            result.outcomes[place] = outcome_of_failed_call(err)
            if not isinstance(err, PayloadError):
                result.error = err
                if result.outcomes[place].kind is OutcomeKind.LOST and failures.add():
                    result.error = UnavailableError(str(err), status=err.status, detail=err.detail)
                break
        else:
            result.outcomes[place] = _ACCEPTED
        failures.reset()
    return result
