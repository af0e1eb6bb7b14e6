"""Finds the outcomes of open rows from the counts of the first answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from planhat_api.bulk.wording import is_refused_as_duplicate
from planhat_api.outcome import Outcome, OutcomeKind

if TYPE_CHECKING:
    from planhat_api.bulk.interpretation import OpenRows
    from planhat_api.bulk.known_rows import KnownRows

__all__ = ["conclude_from_counts", "restore_first_outcomes"]


def conclude_from_counts(open_rows: OpenRows, known: KnownRows) -> bool:
    """Set the outcomes of rows that follow from the counts. False if none follows.

    A row that the first answer counts as stored is not rejected when it is sent again, except because of other rows. So
    if as many rows are rejected now as were not counted, the others were counted. If the rejected and undecided rows
    are as many as were not counted, and all others are unchanged, none of the undecided rows was counted.
    """
    outcomes = known.known(open_rows.rows)
    if not open_rows.absent or any(map(is_refused_as_duplicate, outcomes.values())):
        return False
    kinds = Counter(outcome.kind for outcome in outcomes.values())
    unsure = [index for index in open_rows.rows if index not in outcomes or outcomes[index].kind is OutcomeKind.UNKNOWN]
    if kinds[OutcomeKind.REJECTED] == open_rows.absent:
        known.set_same_outcome(OutcomeKind.UNCHANGED, unsure)
        return True
    if (
        len(unsure) + kinds[OutcomeKind.REJECTED] == open_rows.absent
        and kinds[OutcomeKind.UNCHANGED] == open_rows.left.total
    ):
        known.set_outcomes({index: open_rows.refusal(index) for index in unsure})
        return True
    return False


def restore_first_outcomes(open_rows: OpenRows, known: KnownRows) -> None:
    """Give rows that are unchanged now the outcome of the first answer, which created or updated them."""
    outcomes = known.known(open_rows.rows)
    unchanged = {index: outcome for index, outcome in outcomes.items() if outcome.kind is OutcomeKind.UNCHANGED}
    kind = open_rows.left.kind(len(unchanged))
    known.outcomes.update((index, Outcome(kind, outcome.planhat_id)) for index, outcome in unchanged.items())
