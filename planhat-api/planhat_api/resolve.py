"""Finds out what became of each row of a bulk upsert, where one answer does not tell.

A look at what the tenant holds tells most rows apart in a few calls. Where it does not, rows are sent again in parts.
"""

from __future__ import annotations

import logging
from math import log2
from typing import TYPE_CHECKING

from planhat_api.apart import turns
from planhat_api.errors import PayloadError, UnavailableError
from planhat_api.outcome import Fate, Outcome
from planhat_api.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.bulk_answer import BulkAnswer
    from planhat_api.clues import Clues
    from planhat_api.row import Row
    from planhat_api.verdict import Open

__all__ = ["Resolver"]

_log = logging.getLogger("planhat_api")

# More than ten bad rows in 5,000 cost about this many calls when Planhat names none of them.
MOST_CALLS_TO_TELL_APART = 300
# A look at the keys of a model takes a call for each 2,000 rows it holds; below this it is not worth one.
_CALLS_WORTH_A_LOOK = 30
# A single bad row fails at most this many calls in a row while it is cornered among 5,000.
_FAILURES_IN_A_ROW = 14
_TOO_LARGE = 413
_FAULT_INSIDE = 500


class Resolver:
    """Sends the rows of one bulk upsert and collects their outcomes.

    Attributes:
        outcomes: What is known so far, by index of the row.
        notes: What did not add up.
        calls: Bulk calls made.
        in_flight: Indices of the rows that were sent and have no outcome yet.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        send: Callable[[Sequence[Row]], BulkAnswer],
        alive: Callable[[], None],
        clues: Clues,
    ) -> None:
        """Sends nothing yet.

        Args:
            rows: All rows.
            send: Makes one bulk call.
            alive: Makes a harmless call; raises when Planhat as a whole is not available.
            clues: Looks at what the tenant holds.
        """
        self.outcomes: dict[int, Outcome] = {}
        self.notes: list[str] = []
        self.calls = 0
        self.in_flight: set[int] = set()
        self._rows = rows
        self._send = send
        self._alive = alive
        self._clues = clues
        self._extra_calls = 0
        self._failures = 0
        self._blamed: list[int] = []

    def resolve(self, indices: list[int], *, again: bool = False) -> None:
        """Send these rows, all with keys or all without, and settle each of them.

        Args:
            indices: The rows.
            again: They were sent before; what does not add up now was noted then.

        Raises:
            PlanhatError: The call failed as a whole; rows settled before stay in ``outcomes``.
        """
        rows = [self._rows[index] for index in indices]
        first_sent = set(indices) - self.in_flight
        try:
            self.calls += 1
            self.in_flight.update(indices)
            answer = self._send(rows)
        except PayloadError as error:
            # Nothing of a refused call is stored; of rows that an earlier call held that is not known.
            if error.status != _TOO_LARGE:
                self._settle(dict.fromkeys(first_sent, Outcome(Fate.REJECTED, None, str(error))))
                raise
            self.in_flight -= first_sent
            self._split(indices, f"the row is too large for Planhat ({_TOO_LARGE})")
            return
        except UnavailableError as error:
            if error.status != _FAULT_INSIDE or error.may_have_arrived:
                raise
            self._corner(indices, error)
            return
        self._failures = 0
        self._blamed.clear()
        verdict = judge(rows, answer, self._clues.reason)
        if not again:
            self.notes += verdict.notes
        self._settle({indices[index]: outcome for index, outcome in verdict.settled.items()})
        if verdict.open.rows:
            self._tell_apart(verdict.open.at(indices))

    def resolve_duplicated(self, indices: list[int]) -> None:
        """Send rows once more that were refused as duplicated: what they clashed with may have gone with that call."""
        if self._extra_calls < MOST_CALLS_TO_TELL_APART:
            self._extra_calls += 1
            self.resolve(indices, again=True)

    def _tell_apart(self, doubt: Open) -> None:
        """Settle the rows that an answer leaves open."""
        if not self._extra_calls:
            _log.info("Planhat does not tell which of %d rows it did not store; finding out", len(doubt.rows))
        try:
            suspects = self._suspects(doubt)
            if suspects or not self._look(doubt):
                self._send_in_groups(self._groups(doubt, suspects), doubt)
        finally:
            self._restore_first_fates(doubt)

    def _suspects(self, doubt: Open) -> list[int]:
        """Those rows that are more likely not stored than the others; none when nothing sets any apart."""
        found = doubt.suspects
        if not found:
            places = self._clues.suspects([self._rows[index] for index in doubt.rows])
            found = [doubt.rows[place] for place in places]
        return found if len(found) < len(doubt.rows) else []

    def _look(self, doubt: Open) -> bool:
        """Settle the rows by the keys the model holds; False when that does not agree with what the answer counts."""
        absent = doubt.absent
        if absent is None or _calls_to_tell_apart(len(doubt.rows), absent) < _CALLS_WORTH_A_LOOK:
            return False
        looks = self._clues.held([self._rows[index] for index in doubt.rows])
        return any(self._settle_by_keys(held, doubt) for held in looks)

    def _settle_by_keys(self, held: Sequence[bool | None], doubt: Open) -> bool:
        """Settle the rows, if as many of them are not held as the answer leaves out.

        Args:
            held: Whether the model holds each of the rows; None where its key does not tell.
            doubt: The rows.
        """
        unsure = [index for index, is_held in zip(doubt.rows, held, strict=True) if is_held is None]
        if len(unsure) == len(held):
            return False
        if unsure:
            self._resolve_again(unsure)
        fates = [self.outcomes[index].fate for index in unsure]
        if Fate.UNKNOWN in fates or held.count(False) + fates.count(Fate.REJECTED) != doubt.absent:
            return False
        for index, is_held in zip(doubt.rows, held, strict=True):
            if is_held is not None:
                self._settle_open(index, doubt, stored=is_held)
        return True

    def _groups(self, doubt: Open, suspects: list[int]) -> list[list[int]]:
        """In which groups rows are sent again: first what sets some apart from the others, else halves."""
        rows = doubt.rows
        if suspects:
            return [suspects, sorted(set(rows) - set(suspects))]
        sharing = turns([self._rows[index] for index in rows], most=None)
        if len(sharing) > 1:
            # They may have been refused only because they went together (B90).
            return [[rows[place] for place in turn] for turn in sharing]
        if doubt.may_add_up:
            return [rows]
        middle = (len(rows) + 1) // 2
        return [half for half in (rows[:middle], rows[middle:]) if half]

    def _send_in_groups(self, groups: Sequence[list[int]], doubt: Open) -> None:
        """Send rows again group by group. What the others leave for the last group may be known without asking."""
        *others, last = groups
        for group in others:
            self._resolve_again(group)
        fates = [self.outcomes[index].fate for group in others for index in group]
        missing = None if doubt.missing is None or Fate.UNKNOWN in fates else doubt.missing - fates.count(Fate.REJECTED)
        if fates and missing in {0, len(last)}:
            for index in last:
                self._settle_open(index, doubt, stored=missing == 0)
        else:
            self._resolve_again(last)

    def _settle_open(self, index: int, doubt: Open, *, stored: bool) -> None:
        """Settle a row that an answer left open, now that it is known whether it is stored."""
        planhat_id = self._rows[index].keys.get("_id")
        outcome = Outcome(Fate.UNCHANGED, planhat_id) if stored else None
        self._settle({index: outcome or Outcome(Fate.REJECTED, planhat_id, doubt.reason(index))})

    def _resolve_again(self, indices: list[int]) -> None:
        if self._extra_calls >= MOST_CALLS_TO_TELL_APART:
            reason = "too many rows failed without being named; this one may or may not be stored"
            self._settle({index: Outcome(Fate.UNKNOWN, self._rows[index].keys.get("_id"), reason) for index in indices})
            return
        self._extra_calls += 1
        self.resolve(indices, again=True)

    def _restore_first_fates(self, doubt: Open) -> None:
        """What the first answer counted as created or changed came back unchanged: the first fate is the true one."""
        if doubt.left is None:
            return
        known = {index: self.outcomes[index] for index in doubt.rows if index in self.outcomes}
        unchanged = {index: outcome for index, outcome in known.items() if outcome.fate is Fate.UNCHANGED}
        fate = doubt.left.fate(len(unchanged))
        self.outcomes.update((index, Outcome(fate, outcome.planhat_id)) for index, outcome in unchanged.items())

    def _split(self, indices: list[int], reason: str) -> None:
        if len(indices) == 1:
            rejected = Outcome(Fate.REJECTED, self._rows[indices[0]].keys.get("_id"), reason)
            self._settle({indices[0]: rejected})
            return
        middle = len(indices) // 2
        self.resolve(indices[:middle])
        self.resolve(indices[middle:])

    def _settle(self, outcomes: Mapping[int, Outcome]) -> None:
        self.outcomes.update(outcomes)
        self.in_flight.difference_update(outcomes)

    def _corner(self, indices: list[int], error: UnavailableError) -> None:
        """A row may be what Planhat stumbles over (B75); find it, unless Planhat fails on everything."""
        self._failures += 1
        if self._failures == 1:
            self._alive()
        if self._failures > _FAILURES_IN_A_ROW:
            # So it is not the rows: those already blamed are as unknown as the others.
            self.in_flight.update(self._blamed)
            raise error
        if len(indices) == 1:
            self._blamed += indices
        self._split(indices, f"Planhat fails on this row ({_FAULT_INSIDE}): {error.detail}")


def _calls_to_tell_apart(rows: int, missing: int) -> float:
    """About how many calls it takes to find the missing rows by sending halves again."""
    return 2 * missing * (log2(rows / missing) + 1) if 0 < missing <= rows else 0
