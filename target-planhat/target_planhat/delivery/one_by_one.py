"""Goes through rows that take a call each: a row that Planhat fails on does not end the run (B75)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import Fate, Outcome, PayloadError, PlanhatError, SendResult, UnavailableError
from planhat_api.outcome import NOT_SENT, outcome_of_failed_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from planhat_api import Row
    from target_planhat.delivery.settled import Settled
    from target_planhat.rows.item import Item

__all__ = ["Streak", "one_after_the_other", "post_each"]

_ACCEPTED = Outcome(Fate.ACCEPTED)
_FAULT_INSIDE = 500
_MOST_IN_A_ROW = 14
"""Rows in a row that Planhat may fail on; with one more it is not the rows."""


class Streak:
    """Rows in a row that Planhat fails on."""

    def __init__(self) -> None:
        """None yet."""
        self._length = 0

    def ends(self) -> None:
        """Planhat answered for a row."""
        self._length = 0

    def grows_too_long(self) -> bool:
        """Count one more; whether it is not the rows that are at fault."""
        self._length += 1
        return self._length > _MOST_IN_A_ROW


def one_after_the_other(
    items: Iterable[Item], call: Callable[[Item], Outcome], alive: Callable[[], None]
) -> Iterator[Settled]:
    """Make a call for each row.

    Args:
        items: The rows.
        call: Makes the call for one, and repeats it as far as that is safe.
        alive: Makes a harmless call; raises when Planhat as a whole is not available.

    Raises:
        PlanhatError: It is not one row that is at fault. Rows that were blamed before come again with the next run.
    """
    blamed: list[Item] = []
    outcomes: list[Outcome] = []
    streak = Streak()
    for item in items:
        try:
            outcome = call(item)
        except PayloadError as err:
            outcome = Outcome.rejected(str(err))
        except UnavailableError as err:
            if err.status != _FAULT_INSIDE or err.may_have_arrived or streak.grows_too_long():
                raise
            if not blamed:
                alive()
            blamed.append(item)
            reason = f"Planhat fails on this row ({_FAULT_INSIDE}): {err.detail}"
            outcomes.append(Outcome.rejected(reason))
            continue
        yield blamed, outcomes
        blamed, outcomes = [], []
        streak.ends()
        yield [item], [outcome]
    yield blamed, outcomes


def post_each(rows: Sequence[Row], push: Callable[[Row], Any], streak: Streak) -> SendResult:
    """Post rows in a call each, until a call fails that is not the fault of its row.

    Args:
        rows: The rows.
        push: Posts one.
        streak: The rows in a row, those of calls before included, that it is not known of whether they arrived. With
            too many, the error is one that ends the run.
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
                if result.outcomes[place].fate is Fate.LOST and streak.grows_too_long():
                    result.error = UnavailableError(str(err), status=err.status, detail=err.detail)
                break
        else:
            result.outcomes[place] = _ACCEPTED
        streak.ends()
    return result
