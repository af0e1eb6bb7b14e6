"""Sends points, each exactly once as far as this can be known."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind, PayloadError, PlanhatError, SendResult
from planhat_api.analytics import ACCEPTED
from planhat_api.outcome import NOT_SENT
from planhat_api.points.point import read_points
from target_planhat.delivery.points.inspection import Doubt, EndingError
from target_planhat.delivery.points.point_rows import digest_of_point, entry_of_point
from target_planhat.delivery.sent.entries import Entry

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from planhat_api.points.point import Slot
    from target_planhat.clock import Clock
    from target_planhat.delivery.points.existing_days import DayState
    from target_planhat.delivery.points.point_rows import PointRow
    from target_planhat.delivery.points.services import PointServices
    from target_planhat.delivery.resending import Send
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger

__all__ = ["PointSender"]

_MOST_REPEATS = 3
_UNCLEAR = Outcome(
    OutcomeKind.UNKNOWN,
    None,
    "may have arrived: its call brought no answer, and what its day shows does not tell whether it arrived",
)
_REPEATABLE = ("min", "max")
"""With these settings of a metric, a point that is sent twice has the same effect as once (B82).

That is not so with `last`: the point may come after a later one of its day.
"""


class PointSender:
    """Sends points, notes them in the delivery ledger, and finds out about those whose call brought no answer."""

    def __init__(
        self, push: Send, ledger: DeliveryLedger, points: PointServices, clock: Clock, logger: logging.Logger
    ) -> None:
        """Prepare to send.

        Args:
            push: Sends points once.
            ledger: Notes what is sent.
            points: Finds out whether points arrived, and knows what the run sent.
            clock: The clock of the run.
            logger: Logger of the stream.
        """
        self._push = push
        self._ledger = ledger
        self._points = points
        self._sent_days: set[tuple[str, int]] = set()
        self._clock = clock
        self._logger = logger

    def send(self, rows: Sequence[PointRow], states: Mapping[Slot, DayState], on_uncertain: str) -> SendResult:
        """Send points.

        Args:
            rows: The points, at most as many as one call may have.
            states: What is known of their days. Points that Planhat accepts are added to them.
            on_uncertain: What is done with points that may have arrived: the setting ``on_uncertain_delivery``.

        Returns:
            The outcomes. Only with an error some are `NOT_SENT`.
        """
        total = SendResult([NOT_SENT] * len(rows))
        waiting = list(range(len(rows)))
        repeats = 0
        while waiting:
            some = [rows[place] for place in waiting]
            call = self._begin(some, states)
            sent = self._push([row.item for row in some])
            is_lost = any(outcome.kind is OutcomeKind.LOST for outcome in sent.outcomes)
            self._end(call, some, sent.outcomes)
            is_last = on_uncertain == "resend" and repeats == _MOST_REPEATS
            is_ending = is_lost and not is_last and not self._resolve(some, sent, states, on_uncertain)
            if is_lost and not is_ending:
                self._end(call, some, sent.outcomes)
            self._note(some, sent.outcomes, states)
            total.notes += sent.notes
            total.calls += sent.calls
            for place, outcome in zip(waiting, sent.outcomes, strict=True):
                total.outcomes[place] = outcome
            waiting = [place for place in waiting if total.outcomes[place].kind is OutcomeKind.NOT_SENT]
            total.error = sent.error if waiting else None
            repeats += is_lost
            if is_ending or repeats > _MOST_REPEATS or not (is_lost or isinstance(sent.error, PayloadError)):
                break
            if waiting and is_lost:
                self._logger.warning("Sending %s points that did not arrive again: %s", len(waiting), sent.error)
        return total

    def _begin(self, rows: Sequence[PointRow], states: Mapping[Slot, DayState]) -> int | None:
        """Note a call in the delivery ledger before it is made."""
        if not self._ledger.is_kept:
            return None
        return self._ledger.begin([entry for row in rows for entry in _entries(row, states[row.slot])])

    def _end(self, call: int | None, rows: Sequence[PointRow], outcomes: Sequence[Outcome]) -> None:
        """Note in the delivery ledger what became of the points of a call."""
        if call is not None:
            pairs = zip(rows, outcomes, strict=True)
            self._ledger.end(call, [outcome for row, outcome in pairs for _ in row.item.parts or (row,)])

    def _note(self, rows: Sequence[PointRow], outcomes: Sequence[Outcome], states: Mapping[Slot, DayState]) -> None:
        """Note in the states of the days what was sent."""
        now = self._clock.now()
        self._sent_days.update((row.point.dimension_id, row.day) for row in rows)
        for row, outcome in zip(rows, outcomes, strict=True):
            state = states[row.slot]
            if outcome.kind is OutcomeKind.ACCEPTED:
                state.sent.append(row.point.value)
                state.sent_at = now
            elif outcome.kind.is_uncertain:
                state.is_known = False

    def _resolve(
        self, rows: Sequence[PointRow], sent: SendResult, states: Mapping[Slot, DayState], on_uncertain: str
    ) -> bool:
        """Decide about points whose call brought no answer. Those that may be sent again become `NOT_SENT`.

        Returns:
            False if the run has to end before it can be decided.
        """
        lost = [place for place, outcome in enumerate(sent.outcomes) if outcome.kind is OutcomeKind.LOST]
        if on_uncertain == "set_aside":
            return True
        if on_uncertain == "resend":
            for place in lost:
                sent.outcomes[place] = NOT_SENT
            return True
        groups: dict[Slot, list[int]] = defaultdict(list)
        for place in lost:
            groups[rows[place].slot].append(place)
        now = self._clock.now()
        doubts = [self._doubt([rows[place] for place in places], states[slot], now) for slot, places in groups.items()]
        self._logger.warning("Reading back %s points whose call brought no answer: %s", len(lost), sent.error)
        try:
            found = self._points.inspection.find_out(doubts)
        except (EndingError, PlanhatError) as error:
            self._logger.warning("It is not known yet whether they arrived: %s", error or "the run has to end")
            for place in lost if self._ledger.is_kept else ():
                # The ledger has them, so the next run finds out.
                sent.outcomes[place] = NOT_SENT
            return False
        for places, arrived in zip(groups.values(), found, strict=True):
            for place, has_arrived in zip(places, arrived, strict=True):
                is_repeatable = has_arrived is None and rows[place].rule in _REPEATABLE
                sent.outcomes[place] = NOT_SENT if is_repeatable else _OUTCOMES[has_arrived]
        return True

    def _doubt(self, rows: Sequence[PointRow], state: DayState, now: float) -> Doubt:
        first = rows[0]
        day = first.point.dimension_id, first.day
        return Doubt(
            slot=first.slot,
            dimension=first.point.dimension_id,
            model=first.point.model_name,
            day=first.day,
            rule=first.rule,
            before=state.before,
            is_known=state.is_known,
            certain=[*state.sent],
            doubtful=[row.point.value for row in rows],
            at=now,
            is_alone=self._ledger.settled_at(*day) <= now and day not in self._sent_days,
            others=self._points.expected(slot for row in rows for slot in row.other_slots),
        )


_OUTCOMES: Mapping[bool | None, Outcome] = {True: ACCEPTED, False: NOT_SENT, None: _UNCLEAR}


def _entries(row: PointRow, state: DayState) -> list[Entry]:
    """What the delivery ledger notes of a row: an entry for each point of the input that it stands for."""
    item, point, stream = row.item, row.point, row.item.stream
    last = Entry(
        digest_of_point(stream.name, point),
        stream.input_stream,
        item.after_states,
        row.slot,
        point.dimension_id,
        point.model_name,
        row.day,
        point.value,
        state.before,
        state.is_known,
        tuple(state.sent),
        row.rule or "",
        point.external_id,
        row.others,
    )
    if not row.item.parts:
        return [last]
    points = read_points([part.body for part in row.item.parts])
    parts = [entry_of_point(part, point) for part, point in zip(row.item.parts, points, strict=True)]
    entries = [last._replace(digest=part.digest, after=part.after, value=None) for part in parts]
    return [*entries[:-1], entries[-1]._replace(value=last.value)]
