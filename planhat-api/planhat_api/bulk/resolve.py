"""Makes the calls of a bulk upsert until each row has an outcome.

Rows that are open after an answer are sent again in groups, first the rows that are probably not stored. The answers
for the groups and the counts of the first answer then give the outcomes of the other rows.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from planhat_api.bulk.call_groups import some_may_be_one_record
from planhat_api.bulk.interpretation import interpret
from planhat_api.bulk.known_rows import KnownRows
from planhat_api.bulk.open_counts import conclude_from_counts, restore_first_outcomes
from planhat_api.bulk.open_groups import open_groups
from planhat_api.errors import PayloadError, UnavailableError
from planhat_api.outcome import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api.bulk.answer import BulkAnswer
    from planhat_api.bulk.hints import Hints
    from planhat_api.bulk.interpretation import OpenRows
    from planhat_api.row import Row

__all__ = ["Resolver"]

_log = logging.getLogger("planhat_api")

# More than ten bad rows in 5,000 need about this many calls if Planhat names none of them.
_MOST_EXTRA_CALLS = 300
# A single bad row among 5,000 causes at most this many consecutive failures until it is found.
_FAILURES_IN_A_ROW = 14
# This is repeated only if some rows turn out not to be stored, so a few times are enough.
_MOST_RESTORES = 3
_TOO_LARGE = 413
_SERVER_ERROR = 500
_TOO_MANY = "too many rows failed and Planhat named none; this row may or may not be stored"


class Resolver:
    """Sends the rows of one bulk upsert and collects their outcomes.

    Attributes:
        known: The rows with their outcomes so far.
        notes: Contradictions in answers.
        calls: Number of bulk calls.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        send: Callable[[Sequence[Row]], BulkAnswer],
        check_available: Callable[[], None],
        hints: Hints,
    ) -> None:
        """Prepare to send.

        Args:
            rows: All rows.
            send: Makes one bulk call.
            check_available: Makes a harmless call. It raises an error if Planhat is not available.
            hints: Hints about outcomes.
        """
        self.known = KnownRows(rows)
        self.notes: list[str] = []
        self.calls = 0
        self._send = send
        self._check_available = check_available
        self._hints = hints
        self._extra_calls = 0
        self._failures = 0
        self._suspects: list[int] = []

    def resolve(self, indices: list[int]) -> None:
        """Send these rows, all with keys or all without, until each has an outcome.

        Raises:
            PlanhatError: A call failed. Known outcomes are kept.
        """
        self._hints.invalidate()
        calls = self._extra_calls
        self._call(indices, again=False)
        if self._extra_calls > calls and some_may_be_one_record(self.known.at(indices)):
            self._restore_order(indices)

    def resolve_duplicated(self, indices: list[int]) -> None:
        """Send rows again that were rejected as duplicates, because the other row may have been in the same call."""
        if self._extra_calls < _MOST_EXTRA_CALLS:
            self._extra_calls += 1
            for index in indices:
                del self.known.outcomes[index]
            self._call(indices, again=True)

    def _restore_order(self, indices: Sequence[int]) -> None:
        """Send the stored rows again in their original order, because they were sent again in groups.

        Rows with different keys may be for one record. Then an older row may have been sent after the newer one, and an
        answer that names the record by one of its keys may be for either row.
        """
        known = self.known
        for _ in range(_MOST_RESTORES):
            stored = known.known(self._safe_to_repeat(indices))
            calls = self._extra_calls
            if len(stored) <= 1 or calls >= _MOST_EXTRA_CALLS:
                return
            for index in stored:
                del known.outcomes[index]
            self._call_again(list(stored))
            known.possibly_stored.update(stored)
            known.make_rejects_unknown(stored)
            known.outcomes.update((index, first) for index, first in stored.items() if known.is_delivered(index))
            if self._extra_calls == calls + 1:
                return

    def _safe_to_repeat(self, indices: Sequence[int]) -> list[int]:
        """The stored rows, without rows that may be inserted again."""
        known = self.known
        new = [index for index in indices if known.outcomes[index].kind in {OutcomeKind.CREATED, OutcomeKind.ACCEPTED}]
        inserted_each_time = set(known.picked(lambda rows: self._hints.inserted_each_time(rows, 0), new))
        return [index for index in indices if known.is_delivered(index) and index not in inserted_each_time]

    def _call(self, indices: list[int], *, again: bool) -> None:
        """Make one call, and further calls if necessary, until its rows have outcomes.

        Args:
            indices: The rows.
            again: Whether they were sent before. Then contradictions are not noted again.
        """
        first_sent = set(indices) - self.known.in_flight
        try:
            self.calls += 1
            self.known.in_flight.update(indices)
            answer = self._send(self.known.at(indices))
        except PayloadError as error:
            # No row of a rejected call is stored, but rows that were also in an earlier call may be.
            if error.status != _TOO_LARGE:
                self.known.reject(first_sent, str(error))
                raise
            self.known.in_flight -= first_sent
            self._split(indices, f"the row is too large for Planhat ({_TOO_LARGE})", again=again)
            return
        except UnavailableError as error:
            if error.status != _SERVER_ERROR or error.may_have_arrived:
                raise
            self._find_faulty(indices, error, again=again)
            return
        self._failures = 0
        self._suspects.clear()
        self._read_answer(indices, answer, again=again)

    def _read_answer(self, indices: list[int], answer: BulkAnswer, *, again: bool) -> None:
        """Set the outcomes of rows from an answer. Resend open rows."""
        result = interpret(self.known.at(indices), answer, self._hints.why_ignored)
        if not again:
            self.notes += result.notes
        self.known.set_outcomes({indices[place]: outcome for place, outcome in result.outcomes.items()})
        if not answer.has_results:
            self.known.make_rejects_unknown(indices)
        if result.open.rows:
            self._resend_open_rows(result.open.at(indices))

    def _resend_open_rows(self, open_rows: OpenRows) -> None:
        """Send open rows again until they have outcomes."""
        if not self._extra_calls:
            _log.info(
                "Planhat does not say which of %d rows it did not store. Sending them again in groups to find out",
                len(open_rows.rows),
            )
        if open_rows.left.total:
            self.known.possibly_stored.update(open_rows.rows)
        calls_left = lambda: _MOST_EXTRA_CALLS - self._extra_calls  # noqa: E731
        try:
            for group in open_groups(open_rows, self.known, self._hints, calls_left, _MOST_EXTRA_CALLS):
                self._call_again(group)
                if conclude_from_counts(open_rows, self.known):
                    break
        finally:
            restore_first_outcomes(open_rows, self.known)

    def _call_again(self, indices: list[int]) -> None:
        if not indices:
            return
        if self._extra_calls >= _MOST_EXTRA_CALLS:
            self.known.set_same_outcome(OutcomeKind.UNKNOWN, indices, _TOO_MANY)
            return
        self._extra_calls += 1
        self._call(indices, again=True)

    def _split(self, indices: list[int], reason: str, *, again: bool) -> None:
        if len(indices) == 1:
            self.known.reject(indices, reason)
            return
        middle = len(indices) // 2
        self._call(indices[:middle], again=again)
        self._call(indices[middle:], again=again)

    def _find_faulty(self, indices: list[int], error: UnavailableError, *, again: bool) -> None:
        """Find the row for which Planhat returns a server error (B75), unless it returns errors for all calls."""
        self._failures += 1
        if self._failures == 1:
            with suppress(PayloadError):
                self._check_available()
        if self._failures > _FAILURES_IN_A_ROW:
            # The rows are not the cause, so the outcomes of the suspected rows are not known either.
            self.known.in_flight.update(self._suspects)
            raise error
        if len(indices) == 1:
            self._suspects += indices
        self._split(indices, f"Planhat fails on this row ({_SERVER_ERROR}): {error.detail}", again=again)
