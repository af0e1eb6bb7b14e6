"""Concludes from the counts of an answer what became of the rows that it left open."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from planhat_api.bulk.wording import is_refused_as_duplicate
from planhat_api.outcome import Fate, Outcome

if TYPE_CHECKING:
    from planhat_api.bulk.interpretation import OpenRows
    from planhat_api.bulk.known_rows import KnownRows

__all__ = ["restore_first_fates", "settle_by_counts"]


def settle_by_counts(open_rows: OpenRows, known: KnownRows) -> bool:
    """Settle the rows whose fate follows from what the answer counted; False when none does.

    A row that the answer counts as stored is not refused when it is sent again, unless for other rows. So where as
    many are refused now as the answer left out, it counted the others. Where those that are in open_rows are as many as
    it left out, and Planhat changed nothing for any other row, it counted none of them.
    """
    outcomes = known.known(open_rows.rows)
    if not open_rows.absent or any(map(is_refused_as_duplicate, outcomes.values())):
        return False
    fates = Counter(outcome.fate for outcome in outcomes.values())
    unsure = [index for index in open_rows.rows if index not in outcomes or outcomes[index].fate is Fate.UNKNOWN]
    if fates[Fate.REJECTED] == open_rows.absent:
        known.settle_as(Fate.UNCHANGED, unsure)
        return True
    if len(unsure) + fates[Fate.REJECTED] == open_rows.absent and fates[Fate.UNCHANGED] == open_rows.left.total:
        known.settle({index: open_rows.refusal(index) for index in unsure})
        return True
    return False


def restore_first_fates(open_rows: OpenRows, known: KnownRows) -> None:
    """What the first answer counted as created or changed came back unchanged: the first fate is the true one."""
    outcomes = known.known(open_rows.rows)
    unchanged = {index: outcome for index, outcome in outcomes.items() if outcome.fate is Fate.UNCHANGED}
    fate = open_rows.left.fate(len(unchanged))
    known.outcomes.update((index, Outcome(fate, outcome.planhat_id)) for index, outcome in unchanged.items())
