"""Finds out what became of each row of a bulk upsert, where one answer does not tell.

Rows that an answer leaves open are sent again in parts, first those that most likely were not stored. What Planhat says
of the parts and what it counted at first then tell the fate of the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from math import log2
from typing import TYPE_CHECKING

from planhat_api.bulk.call_groups import call_groups, some_may_be_one_record
from planhat_api.bulk.interpretation import interpret
from planhat_api.errors import PayloadError, UnavailableError
from planhat_api.outcome import Fate, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from planhat_api.bulk.answer import BulkAnswer
    from planhat_api.bulk.hints import Hints
    from planhat_api.bulk.interpretation import OpenRows
    from planhat_api.row import Row

__all__ = ["Resolver"]

_log = logging.getLogger("planhat_api")

# More than ten bad rows in 5,000 cost about this many calls when Planhat names none of them.
MOST_CALLS_TO_TELL_APART = 300
# A single bad row fails at most this many calls in a row while it is cornered among 5,000.
_FAILURES_IN_A_ROW = 14
# Each time some rows turn out not to be stored, so that very few times are enough.
_MOST_RESTORES = 3
_TOO_LARGE = 413
_FAULT_INSIDE = 500
_IN_DOUBT = "an earlier call may have stored the row"
_TOO_MANY = "too many rows failed without being named; this one may or may not be stored"
_INSERTED_EACH_TIME = (
    "the row may have been stored under another _id, for its key means no row that Planhat holds, or several; "
    "sent again it may be stored twice"
)


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
        hints: Hints,
    ) -> None:
        """Sends nothing yet.

        Args:
            rows: All rows.
            send: Makes one bulk call.
            alive: Makes a harmless call; raises when Planhat as a whole is not available.
            hints: Hints at what became of rows.
        """
        self.outcomes: dict[int, Outcome] = {}
        self.notes: list[str] = []
        self.calls = 0
        self.in_flight: set[int] = set()
        self._rows = rows
        self._send = send
        self._alive = alive
        self._hints = hints
        self._extra_calls = 0
        self._failures = 0
        self._blamed: list[int] = []
        # An answer counts rows as stored that may be these.
        self._perhaps_stored: set[int] = set()

    def resolve(self, indices: list[int]) -> None:
        """Send these rows, all with keys or all without, and settle each of them.

        Raises:
            PlanhatError: The call failed as a whole; rows settled before stay in ``outcomes``.
        """
        self._hints.outdate()
        calls = self._extra_calls
        self._call(indices, again=False)
        if self._extra_calls > calls and some_may_be_one_record([self._rows[index] for index in indices]):
            self._restore_order(indices)

    def _restore_order(self, indices: Sequence[int]) -> None:
        """Send the rows that are stored once more, in their own order, because they were sent again in parts.

        They may mean one record by different keys: the older one may have been sent over the newer one, and an answer
        that names the record by one of its keys may mean either row.
        """
        for _ in range(_MOST_RESTORES):
            stored = {index: self.outcomes[index] for index in self._may_go_again(indices)}
            calls = self._extra_calls
            if len(stored) <= 1 or calls >= MOST_CALLS_TO_TELL_APART:
                return
            for index in stored:
                del self.outcomes[index]
            self._call_again(list(stored))
            self._perhaps_stored.update(stored)
            self._doubt_rejects(stored)
            self.outcomes.update((index, first) for index, first in stored.items() if self._is_delivered(index))
            if self._extra_calls == calls + 1:
                return

    def _may_go_again(self, indices: Sequence[int]) -> list[int]:
        """The rows that are stored, without those that may have been inserted, and may be once more."""
        new = [index for index in indices if self.outcomes[index].fate in {Fate.CREATED, Fate.ACCEPTED}]
        anew = set(self._which(lambda rows: self._hints.inserted_each_time(rows, 0), new))
        return [index for index in indices if self._is_delivered(index) and index not in anew]

    def _is_delivered(self, index: int) -> bool:
        return self.outcomes[index].fate.delivered

    def resolve_duplicated(self, indices: list[int]) -> None:
        """Send rows once more that were refused as duplicated: what they clashed with may have gone with that call."""
        if self._extra_calls < MOST_CALLS_TO_TELL_APART:
            self._extra_calls += 1
            for index in indices:
                del self.outcomes[index]
            self._call(indices, again=True)

    def _call(self, indices: list[int], *, again: bool) -> None:
        """Make one call and settle its rows, with further calls where need be.

        Args:
            indices: The rows.
            again: They were sent before; what does not add up now was noted then.
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
                self._refuse(first_sent, str(error))
                raise
            self.in_flight -= first_sent
            self._split(indices, f"the row is too large for Planhat ({_TOO_LARGE})", again=again)
            return
        except UnavailableError as error:
            if error.status != _FAULT_INSIDE or error.may_have_arrived:
                raise
            self._corner(indices, error, again=again)
            return
        self._failures = 0
        self._blamed.clear()
        self._take(indices, rows, answer, again=again)

    def _take(self, indices: list[int], rows: Sequence[Row], answer: BulkAnswer, *, again: bool) -> None:
        """Settle the rows of a call that was answered."""
        told = interpret(rows, answer, self._hints.reason)
        if not again:
            self.notes += told.notes
        self._settle({indices[place]: outcome for place, outcome in told.settled.items()})
        if not answer.told:
            self._doubt_rejects(indices)
        if told.open.rows:
            self._tell_apart(told.open.at(indices))

    def _tell_apart(self, doubt: OpenRows) -> None:
        """Settle the rows that an answer leaves open."""
        if not self._extra_calls:
            _log.info("Planhat does not tell which of %d rows it did not store; finding out", len(doubt.rows))
        if doubt.left.total:
            self._perhaps_stored.update(doubt.rows)
        try:
            for group in self._groups(doubt):
                self._call_again(group)
                if self._settle_by_counts(doubt):
                    break
        finally:
            self._restore_first_fates(doubt)

    def _groups(self, doubt: OpenRows) -> Iterator[list[int]]:
        """In which groups rows are sent again: first those that something sets apart from the others, then the rest.

        Rows that may be inserted anew each time they are sent are left out, unless Planhat inserts no such row at all.
        """
        waiting = doubt.rows
        for suspects, never_inserted in self._suspects(doubt):
            apart = set(suspects).intersection(waiting)
            if 0 < len(apart) < len(waiting):
                group = [index for index in waiting if index in apart]
                waiting = [index for index in waiting if index not in apart]
                yield from self._groups_of(group if never_inserted else self._safe(group, doubt))
        parts = self._groups_of(self._safe(waiting, doubt))
        if len(parts) == 1 and len(parts[0]) == len(doubt.rows) and not doubt.may_add_up:
            middle = (len(waiting) + 1) // 2
            parts = [waiting[:middle], waiting[middle:]]
        yield from parts

    def _groups_of(self, indices: list[int]) -> list[list[int]]:
        """The rows in groups without a shared key: they may have been refused only because they went together (B90)."""
        return [
            [indices[place] for place in turn]
            for turn in call_groups([self._rows[index] for index in indices], most=None)
        ]

    def _suspects(self, doubt: OpenRows) -> Iterator[tuple[list[int], bool]]:
        """Rows that are more likely not stored than the others, and whether Planhat inserts no such row at all."""
        yield doubt.suspects, False
        if self._bad(doubt):
            yield self._which(self._hints.without_company, self._unsettled(doubt)), True
        bad = self._bad(doubt)
        if bad:
            waiting = self._unsettled(doubt)
            most_calls = min(_calls_to_tell_apart(len(waiting), bad), MOST_CALLS_TO_TELL_APART)
            yield self._which(lambda rows: self._hints.with_doubtful_key(rows, bad, most_calls), waiting), False

    def _unsettled(self, doubt: OpenRows) -> list[int]:
        return [index for index in doubt.rows if index not in self.outcomes]

    def _bad(self, doubt: OpenRows) -> int:
        """How many of the rows are refused for what they are, as far as is known, and not settled yet."""
        expected = doubt.errors if doubt.absent is None else doubt.absent
        fates = [self.outcomes[index].fate for index in doubt.rows if index in self.outcomes]
        return max(0, expected - fates.count(Fate.REJECTED))

    def _safe(self, indices: list[int], doubt: OpenRows) -> list[int]:
        """Those of the rows that are stored once however often they are sent; the others are settled as unknown."""
        if not doubt.left.created:
            return indices
        left = MOST_CALLS_TO_TELL_APART - self._extra_calls
        doubtful = set(self._which(lambda rows: self._hints.inserted_each_time(rows, left), indices))
        self._settle({index: self._outcome(Fate.UNKNOWN, index, _INSERTED_EACH_TIME) for index in doubtful})
        return [index for index in indices if index not in doubtful]

    def _which(self, hint: Callable[[Sequence[Row]], list[int]], indices: list[int]) -> list[int]:
        """Those of the rows that a hint picks."""
        return [indices[place] for place in hint([self._rows[index] for index in indices])]

    def _call_again(self, indices: list[int]) -> None:
        if not indices:
            return
        if self._extra_calls >= MOST_CALLS_TO_TELL_APART:
            self._settle({index: self._outcome(Fate.UNKNOWN, index, _TOO_MANY) for index in indices})
            return
        self._extra_calls += 1
        self._call(indices, again=True)

    def _settle_by_counts(self, doubt: OpenRows) -> bool:
        """Settle the rows whose fate follows from what the answer counted; False when none does.

        A row that the answer counts as stored is not refused when it is sent again, unless for other rows. So where as
        many are refused now as the answer left out, it counted the others. Where those that are in doubt are as many as
        it left out, and Planhat changed nothing for any other row, it counted none of them.
        """
        known = [self.outcomes[index] for index in doubt.rows if index in self.outcomes]
        if not doubt.absent or any(outcome.is_duplicated for outcome in known):
            return False
        fates = Counter(outcome.fate for outcome in known)
        unsure = [
            index for index in doubt.rows if index not in self.outcomes or self.outcomes[index].fate is Fate.UNKNOWN
        ]
        stored = fates[Fate.REJECTED] == doubt.absent
        refused = len(unsure) + fates[Fate.REJECTED] == doubt.absent and fates[Fate.UNCHANGED] == doubt.left.total
        if not (stored or refused):
            return False
        for index in unsure:
            self._settle_open(index, doubt, stored=stored)
        return True

    def _settle_open(self, index: int, doubt: OpenRows, *, stored: bool) -> None:
        """Settle a row that an answer left open, now that it is known whether it is stored."""
        fate, reason = (Fate.UNCHANGED, None) if stored else (Fate.REJECTED, doubt.reason(index))
        self._settle({index: self._outcome(fate, index, reason)})

    def _restore_first_fates(self, doubt: OpenRows) -> None:
        """What the first answer counted as created or changed came back unchanged: the first fate is the true one."""
        known = {index: self.outcomes[index] for index in doubt.rows if index in self.outcomes}
        unchanged = {index: outcome for index, outcome in known.items() if outcome.fate is Fate.UNCHANGED}
        fate = doubt.left.fate(len(unchanged))
        self.outcomes.update((index, Outcome(fate, outcome.planhat_id)) for index, outcome in unchanged.items())

    def _outcome(self, fate: Fate, index: int, reason: str | None) -> Outcome:
        return Outcome(fate, self._rows[index].keys.get("_id"), reason)

    def _settle(self, outcomes: Mapping[int, Outcome]) -> None:
        self.outcomes.update(outcomes)
        self.in_flight.difference_update(outcomes)

    def _refuse(self, indices: Iterable[int], reason: str) -> None:
        """Settle rows of a call that was refused without a word about each: what was stored before is still there."""
        self._settle({index: self._outcome(Fate.REJECTED, index, reason) for index in indices})
        self._doubt_rejects(indices)

    def _doubt_rejects(self, indices: Iterable[int]) -> None:
        for index in self._perhaps_stored.intersection(indices):
            outcome = self.outcomes.get(index)
            if outcome is not None and outcome.fate is Fate.REJECTED:
                self._settle({index: self._outcome(Fate.UNKNOWN, index, f"{outcome.reason}; {_IN_DOUBT}")})

    def _split(self, indices: list[int], reason: str, *, again: bool) -> None:
        if len(indices) == 1:
            self._refuse(indices, reason)
            return
        middle = len(indices) // 2
        self._call(indices[:middle], again=again)
        self._call(indices[middle:], again=again)

    def _corner(self, indices: list[int], error: UnavailableError, *, again: bool) -> None:
        """A row may be what Planhat stumbles over (B75); find it, unless Planhat fails on everything."""
        self._failures += 1
        if self._failures == 1:
            with suppress(PayloadError):
                self._alive()
        if self._failures > _FAILURES_IN_A_ROW:
            # So it is not the rows: those already blamed are as unknown as the others.
            self.in_flight.update(self._blamed)
            raise error
        if len(indices) == 1:
            self._blamed += indices
        self._split(indices, f"Planhat fails on this row ({_FAULT_INSIDE}): {error.detail}", again=again)


def _calls_to_tell_apart(rows: int, missing: int) -> float:
    """About how many calls it takes to find the missing rows by sending halves again."""
    missing = min(missing, rows)
    return 2 * missing * (log2(rows / missing) + 1) if missing else 0
