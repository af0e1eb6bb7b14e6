"""Sends metric points to the analytics host."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind, UnavailableError, analytics
from planhat_api.points.point import COMPANY
from target_planhat.delivery.points.existing_days import DayState, decide
from target_planhat.delivery.points.inspection import EndingError
from target_planhat.delivery.points.point_rows import PointPolicy, point_rows, with_value
from target_planhat.delivery.points.replays import without_replayed
from target_planhat.delivery.points.sending import PointSender
from target_planhat.delivery.ways.delivery import Delivery
from target_planhat.delivery.ways.way import WayKind
from target_planhat.plan.plan import PLANNED
from target_planhat.rows.rules.points import point_rules
from target_planhat.tenant.existing_rows import model_named

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from planhat_api import Row, SendResult
    from planhat_api.models.registry import Model
    from planhat_api.points.point import Slot
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.points.existing_days import Decided
    from target_planhat.delivery.points.point_rows import PointRow
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.plan.plan import Plan
    from target_planhat.rows.item import Item
    from target_planhat.settings import StreamSettings

__all__ = ["METRICS"]

_DROPPED = "has this externalId; Planhat would drop the point without an error"
_SAME_DAY = "are for days on which their record has a value already; the metric decides what becomes of both (B82)"
_ENDING = "the run has to end before it is known which metric points an earlier run sent"


class _Points(Delivery):
    """Looks at the records and the days of points, decides what is sent, and sends it."""

    def __init__(
        self, model: Model, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger
    ) -> None:
        """Prepare to send."""
        del model, settings
        self._settings = context.settings
        self._tenant = context.tenant
        self._plan = context.plan
        self._points = context.points
        self._ledger = context.ledger
        self._clock = context.clock
        self._logger = logger
        self._zone = context.settings.zone_of_metrics
        self._policies: dict[str, PointPolicy] = {}
        self._look = context.points.look()
        self._sender = PointSender(self._push, context.ledger, context.points, context.clock, logger)

    def may_wait(self, item: Item, outcome: Outcome) -> bool:
        """Whether the record of a point is missing and may still come."""
        del item
        return outcome.may_pass_later

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[ItemOutcomes]:
        """Send points."""
        del distinct
        now = datetime.fromtimestamp(self._clock.now(), timezone.utc)
        rows = list(point_rows(items, self._policies_of(items), now, self._zone))
        for name in {row.point.model_name for row in rows} if self._points.looks else ():
            self._tenant.metric_days.expect(name)
        days = self._points.days
        states = days.states(row.slot for row in rows) if days is not None else {}
        if self._plan is None:
            try:
                rows, known = without_replayed(rows, states, self._ledger, self._points.inspection, days)
            except EndingError:
                raise UnavailableError(_ENDING) from None
            yield from known
        rows, missing = self._with_record(rows)
        yield from missing
        if self._look is None:
            # Without a look, each point is sent as it is.
            states.update((slot, DayState(is_known=False)) for slot in {row.slot for row in rows})
            yield from self._sent(rows, states)
            return
        self._look.add_states(rows, states)
        sendable, decided = self._decided(rows, states)
        if decided:
            yield [item for item, _ in decided], [outcome for _, outcome in decided]
        if self._plan is not None:
            yield from self._planned(self._plan, sendable, states)
            return
        yield from self._sent(sendable, states)

    def _policies_of(self, items: Sequence[Item]) -> dict[str, PointPolicy]:
        for stream in {item.stream.name for item in items}.difference(self._policies):
            block = self._settings.of_stream(stream)
            policy = PointPolicy(block.existing_points or self._settings.default_for_points, block.rules, block.rule)
            self._policies[stream] = policy
        return self._policies

    def _with_record(self, rows: Sequence[PointRow]) -> tuple[list[PointRow], list[ItemOutcomes]]:
        """The points whose record exists, as far as this is checked, and the others with their outcomes."""
        names = {row.point.model_name for row in rows}
        if COMPANY in names:
            self._tenant.destination.share_companies()
        checked = {name: self._tenant.external_ids(model) for name in names if (model := self._checked_model(name))}
        if not checked:
            return [*rows], []
        kept: list[PointRow] = []
        missing: list[ItemOutcomes] = []
        for row in rows:
            ids = checked.get(row.point.model_name)
            if ids is None or row.point.external_id in ids:
                kept.append(row)
            else:
                reason = f"no {row.point.model_name} {_DROPPED}"
                missing.append(([row.item], [Outcome.rejected(reason, may_pass_later=True)]))
        return kept, missing

    def _checked_model(self, name: str) -> Model | None:
        """The model of records, if they are checked. If their days are looked at, their keys are read anyway."""
        checks = self._settings.checks_targets
        is_checked = checks is True or (checks == "auto" and (self._points.looks or name == COMPANY))
        return model_named(name) if is_checked else None

    def _decided(
        self, rows: Sequence[PointRow], states: dict[Slot, DayState]
    ) -> tuple[list[PointRow], list[tuple[Item, Outcome]]]:
        """The points to send, and the others with their outcomes."""
        groups: dict[tuple[Slot, str], list[PointRow]] = defaultdict(list)
        for row in rows:
            groups[row.slot, row.item.stream.name].append(row)
        decisions: dict[tuple[Slot, str], Decided] = {}
        for key, some in groups.items():
            first, state = some[0], states[key[0]]
            values, is_replay = [row.point.value for row in some], any(row.item.attempt > 1 for row in some)
            decisions[key] = decide(first.policy.existing, first.rule, state, values, is_replay=is_replay)
            self._points.count(first.policy.existing, state, decisions[key], len(some))
        sendable: list[PointRow] = []
        known: list[tuple[Item, Outcome]] = []
        not_as_they_are: list[PointRow] = []
        for row in rows:
            key = row.slot, row.item.stream.name
            found = decisions[key]
            if isinstance(found, list):
                sendable.append(row)
                continue
            not_as_they_are.append(row)
            if isinstance(found, Outcome):
                known.append((row.item, found))
            elif row is groups[key][-1]:
                sendable.append(with_value(groups[key], found))
        if self._points.days is not None and not_as_they_are:
            wanted = ((row.slot, None, row.point.value, row.item) for row in not_as_they_are)
            self._points.days.note_points(wanted, self._clock.now())
        return sendable, known

    def _planned(self, plan: Plan, rows: Sequence[PointRow], states: dict[Slot, DayState]) -> Iterator[ItemOutcomes]:
        for row in rows:
            if states[row.slot].before is not None and row.policy.existing == "add":
                plan.counts.of(row.item.stream.name).notes[_SAME_DAY] += 1
        plan.add_rows_without_key([row.item for row in rows])
        yield [row.item for row in rows], [PLANNED] * len(rows)

    def _sent(self, rows: Sequence[PointRow], states: dict[Slot, DayState]) -> Iterator[ItemOutcomes]:
        result = self._sender.send(rows, states, self._settings.on_uncertain_delivery)
        for note in result.notes:
            self._logger.warning("%s", note)
        known = [
            (row, outcome)
            for row, outcome in zip(rows, result.outcomes, strict=True)
            if outcome.kind is not OutcomeKind.NOT_SENT
        ]
        if self._points.days is not None:
            self._points.note_sent(known, self._clock.now())
        yield [row.item for row, _ in known], [outcome for _, outcome in known]
        if result.error is not None:
            raise result.error

    def _push(self, rows: Sequence[Row]) -> SendResult:
        return self._tenant.client.push_metrics(rows, rows_per_call=len(rows))


METRICS = WayKind(
    point_rules,
    _Points,
    adds_each_time=True,
    needs_tenant_token=True,
    sends_points=True,
    most_bytes=analytics.MOST_BYTES,
)
"""Many points in one call."""
