"""Finds out what became of each row of a bulk upsert, sending rows again in parts where one answer does not tell."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.errors import PayloadError, UnavailableError
from planhat_api.outcome import Fate, Outcome
from planhat_api.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.bulk_answer import BulkAnswer
    from planhat_api.row import Row
    from planhat_api.verdict import Left

__all__ = ["Resolver"]

_log = logging.getLogger("planhat_api")

# More than ten bad rows in 5,000 cost about this many calls when Planhat names none of them.
MOST_CALLS_TO_TELL_APART = 300
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
        self, rows: Sequence[Row], send: Callable[[Sequence[Row]], BulkAnswer], alive: Callable[[], None]
    ) -> None:
        """Sends nothing yet.

        Args:
            rows: All rows.
            send: Makes one bulk call.
            alive: Makes a harmless call; raises when Planhat as a whole is not available.
        """
        self.outcomes: dict[int, Outcome] = {}
        self.notes: list[str] = []
        self.calls = 0
        self.in_flight: set[int] = set()
        self._rows = rows
        self._send = send
        self._alive = alive
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
        verdict = judge(rows, answer)
        if not again:
            self.notes += verdict.notes
        self._settle({indices[index]: outcome for index, outcome in verdict.settled.items()})
        groups = [[indices[index] for index in group] for group in verdict.again]
        try:
            for group in groups:
                self._resolve_again(group)
        finally:
            self._restore_first_fates(groups, verdict.left)

    def _resolve_again(self, indices: list[int]) -> None:
        if self._extra_calls >= MOST_CALLS_TO_TELL_APART:
            reason = "too many rows failed without being named; this one may or may not be stored"
            self._settle({index: Outcome(Fate.UNKNOWN, self._rows[index].keys.get("_id"), reason) for index in indices})
            return
        if not self._extra_calls:
            _log.info("Planhat does not tell which rows failed; sending %d of them again in parts", len(indices))
        self._extra_calls += 1
        self.resolve(indices, again=True)

    def _restore_first_fates(self, groups: list[list[int]], left: Left) -> None:
        """What the first answer counted as created or changed came back unchanged: the first fate is the true one."""
        known = {index: self.outcomes[index] for group in groups for index in group if index in self.outcomes}
        unchanged = {index: outcome for index, outcome in known.items() if outcome.fate is Fate.UNCHANGED}
        fate = left.fate(len(unchanged))
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
