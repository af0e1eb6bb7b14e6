"""Makes the calls of a bulk upsert until it is known what became of each row.

Rows that an answer leaves open are sent again in parts, first those that most likely were not stored. What Planhat says
of the parts and what it counted at first then tell the fate of the others.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from planhat_api.bulk.call_groups import some_may_be_one_record
from planhat_api.bulk.interpretation import interpret
from planhat_api.bulk.known_rows import KnownRows
from planhat_api.bulk.open_counts import restore_first_fates, settle_by_counts
from planhat_api.bulk.open_groups import open_groups
from planhat_api.errors import PayloadError, UnavailableError
from planhat_api.outcome import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api.bulk.answer import BulkAnswer
    from planhat_api.bulk.hints import Hints
    from planhat_api.bulk.interpretation import OpenRows
    from planhat_api.row import Row

__all__ = ["Resolver"]

_log = logging.getLogger("planhat_api")

# More than ten bad rows in 5,000 cost about this many calls when Planhat names none of them.
_MOST_EXTRA_CALLS = 300
# A single bad row fails at most this many calls in a row while it is searched among 5,000.
_FAILURES_IN_A_ROW = 14
# Each time some rows turn out not to be stored, so that very few times are enough.
_MOST_RESTORES = 3
_TOO_LARGE = 413
_FAULT_INSIDE = 500
_TOO_MANY = "too many rows failed without being named; this one may or may not be stored"


class Resolver:
    """Sends the rows of one bulk upsert and collects their outcomes.

    Attributes:
        known: What is known of the rows so far.
        notes: What did not add up.
        calls: Bulk calls made.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        send: Callable[[Sequence[Row]], BulkAnswer],
        alive: Callable[[], None],
        hints: Hints,
    ) -> None:
        """Sends nothing yet.

        Args:
            rows: All rows.
            send: Makes one bulk call.
            alive: Makes a harmless call; raises when Planhat as a whole is not available.
            hints: Hints at what became of rows.
        """
        self.known = KnownRows(rows)
        self.notes: list[str] = []
        self.calls = 0
        self._send = send
        self._alive = alive
        self._hints = hints
        self._extra_calls = 0
        self._failures = 0
        self._blamed: list[int] = []

    def resolve(self, indices: list[int]) -> None:
        """Send these rows, all with keys or all without, and settle each of them.

        Raises:
            PlanhatError: The call failed as a whole; what is known of rows stays known.
        """
        self._hints.outdate()
        calls = self._extra_calls
        self._call(indices, again=False)
        if self._extra_calls > calls and some_may_be_one_record(self.known.at(indices)):
            self._restore_order(indices)

    def resolve_duplicated(self, indices: list[int]) -> None:
        """Send rows once more that were refused as duplicated: what they clashed with may have gone with that call."""
        if self._extra_calls < _MOST_EXTRA_CALLS:
            self._extra_calls += 1
            for index in indices:
                del self.known.outcomes[index]
            self._call(indices, again=True)

    def _restore_order(self, indices: Sequence[int]) -> None:
        """Send the rows that are stored once more, in their own order, because they were sent again in parts.

        They may mean one record by different keys: the older one may have been sent over the newer one, and an answer
        that names the record by one of its keys may mean either row.
        """
        known = self.known
        for _ in range(_MOST_RESTORES):
            stored = known.known(self._may_go_again(indices))
            calls = self._extra_calls
            if len(stored) <= 1 or calls >= _MOST_EXTRA_CALLS:
                return
            for index in stored:
                del known.outcomes[index]
            self._call_again(list(stored))
            known.perhaps_stored.update(stored)
            known.doubt_rejects(stored)
            known.outcomes.update((index, first) for index, first in stored.items() if known.is_delivered(index))
            if self._extra_calls == calls + 1:
                return

    def _may_go_again(self, indices: Sequence[int]) -> list[int]:
        """The rows that are stored, without those that may have been inserted, and may be once more."""
        known = self.known
        new = [index for index in indices if known.outcomes[index].fate in {Fate.CREATED, Fate.ACCEPTED}]
        anew = set(known.picked(lambda rows: self._hints.inserted_each_time(rows, 0), new))
        return [index for index in indices if known.is_delivered(index) and index not in anew]

    def _call(self, indices: list[int], *, again: bool) -> None:
        """Make one call and settle its rows, with further calls where need be.

        Args:
            indices: The rows.
            again: They were sent before; what does not add up now was noted then.
        """
        first_sent = set(indices) - self.known.in_flight
        try:
            self.calls += 1
            self.known.in_flight.update(indices)
            answer = self._send(self.known.at(indices))
        except PayloadError as error:
            # Nothing of a refused call is stored; of rows that an earlier call held that is not known.
            if error.status != _TOO_LARGE:
                self.known.refuse(first_sent, str(error))
                raise
            self.known.in_flight -= first_sent
            self._split(indices, f"the row is too large for Planhat ({_TOO_LARGE})", again=again)
            return
        except UnavailableError as error:
            if error.status != _FAULT_INSIDE or error.may_have_arrived:
                raise
            self._find_faulty(indices, error, again=again)
            return
        self._failures = 0
        self._blamed.clear()
        self._take(indices, answer, again=again)

    def _take(self, indices: list[int], answer: BulkAnswer, *, again: bool) -> None:
        """Settle the rows of a call that was answered."""
        result = interpret(self.known.at(indices), answer, self._hints.why_ignored)
        if not again:
            self.notes += result.notes
        self.known.settle({indices[place]: outcome for place, outcome in result.settled.items()})
        if not answer.told:
            self.known.doubt_rejects(indices)
        if result.open.rows:
            self._tell_apart(result.open.at(indices))

    def _tell_apart(self, open_rows: OpenRows) -> None:
        """Settle the rows that an answer leaves open."""
        if not self._extra_calls:
            _log.info("Planhat does not tell which of %d rows it did not store; finding out", len(open_rows.rows))
        if open_rows.left.total:
            self.known.perhaps_stored.update(open_rows.rows)
        calls_left = lambda: _MOST_EXTRA_CALLS - self._extra_calls  # noqa: E731
        try:
            for group in open_groups(open_rows, self.known, self._hints, calls_left, _MOST_EXTRA_CALLS):
                self._call_again(group)
                if settle_by_counts(open_rows, self.known):
                    break
        finally:
            restore_first_fates(open_rows, self.known)

    def _call_again(self, indices: list[int]) -> None:
        if not indices:
            return
        if self._extra_calls >= _MOST_EXTRA_CALLS:
            self.known.settle_as(Fate.UNKNOWN, indices, _TOO_MANY)
            return
        self._extra_calls += 1
        self._call(indices, again=True)

    def _split(self, indices: list[int], reason: str, *, again: bool) -> None:
        if len(indices) == 1:
            self.known.refuse(indices, reason)
            return
        middle = len(indices) // 2
        self._call(indices[:middle], again=again)
        self._call(indices[middle:], again=again)

    def _find_faulty(self, indices: list[int], error: UnavailableError, *, again: bool) -> None:
        """A row may be what Planhat fails on (B75); find it, unless Planhat fails on everything."""
        self._failures += 1
        if self._failures == 1:
            with suppress(PayloadError):
                self._alive()
        if self._failures > _FAILURES_IN_A_ROW:
            # So it is not the rows: those already blamed are as unknown as the others.
            self.known.in_flight.update(self._blamed)
            raise error
        if len(indices) == 1:
            self._blamed += indices
        self._split(indices, f"Planhat fails on this row ({_FAULT_INSIDE}): {error.detail}", again=again)
