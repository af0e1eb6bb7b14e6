"""Rows that Planhat adds each time they are sent: metric points, user activities, copies of time entries."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api import analytics
from planhat_api.logs import one_line
from target_planhat.delivery.custom_fields_one_by_one import one_by_one
from target_planhat.delivery.mapped import MappedSink, leading
from target_planhat.delivery.one_by_one import Streak
from target_planhat.delivery.resending import Repeats
from target_planhat.errors import SettingsError
from target_planhat.outcomes.outcome import Verdict, Verdicts
from target_planhat.rows.fast_rows import QuickCheck
from target_planhat.rows.keys import KeyRule
from target_planhat.rows.mapping import Slot
from target_planhat.rows.points import PARENT, check_activity, check_event, check_point, is_dimension_id, push_model
from target_planhat.rows.routing import Way
from target_planhat.rows.row import Item, RefusedRowError
from target_planhat.rows.schema_types import NoTypeError
from target_planhat.tenant.existing_rows import model_called

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import BulkResult, PlanhatError, PushResult, Row
    from planhat_api.models.registry import Model
    from target_planhat.delivery.sink import Settled
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["ActivitiesSink", "DuplicateSink", "MetricsSink", "SegmentSink"]

_RESENDS = 3
_NAMES_POINT = ("dimensionId", "model", "externalId", PARENT, "date")
_DAY = len("2024-05-14")
_LONGEST_NAME = 100
_DROPPED = "has this externalId; Planhat would drop the point without a word"


class PushSink(MappedSink):
    """Posts that are not safe to repeat (B24, B82)."""

    pushes = True
    """Whether rows go to the analytics host."""

    @property
    def max_size(self) -> int:
        """Rows of a batch."""
        return self.run.settings.metrics_batch_size_rows

    def prepare(self) -> None:
        """Check columns and settings."""
        if self.pushes and not self.run.can_push:
            msg = f"tenant_token: stream {self.stream_name!r} needs it"
            raise SettingsError(msg)
        super().prepare()

    @abstractmethod
    def push(self, rows: Sequence[Row]) -> BulkResult | PushResult:
        """Send rows once."""

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """Send rows; when some may have arrived although their call failed, the settings decide."""
        del distinct
        resend = self.run.settings.on_uncertain_delivery == "resend"
        yield from self.send_rows(items, self.push, Repeats(_RESENDS, lambda _: resend, self._notice_repeat))

    def _notice_repeat(self, number: int, err: PlanhatError) -> None:
        self.logger.warning("Sending %s rows again, some may count twice: %s", number, err)


class MetricsSink(PushSink):
    """Metric points."""

    most_bytes = analytics.MOST_BYTES

    @property
    def written_model(self) -> Model:
        """Points as they are written."""
        return push_model(self.model, Way.METRICS)

    def key_rule(self, plan: ColumnPlan) -> KeyRule:
        """Points have no key; the external id of their record names them."""
        del plan
        return KeyRule(("externalId",), frozenset(), None, needs_key=False)

    def check_plan(self, plan: ColumnPlan) -> None:
        """Complain when a field every point needs has no column."""
        missing = [name for name in self.model.push_required if Slot(name) not in plan]
        if Slot(PARENT) in plan and Slot("model") in plan:
            missing = [name for name in missing if name != "externalId"]
        if missing:
            msg = f"stream {self.stream_name!r}: no column leads to {', '.join(missing)}"
            raise SettingsError(msg)

    def checker(self) -> Callable[[dict[str, Any]], None]:
        """Points are checked as points."""
        return self._check_point

    def quick_check(self) -> QuickCheck:
        """The same check on many points; any doubt is left to `_check_point`."""
        placed = {source.slot.name for source in self.builder.plan.sources}
        if PARENT in placed:
            raise NoTypeError
        names = {None, *self.model.properties["model"]["enum"]}
        known: set[str] = set()

        def good(dimensions: list[str], values: list[float], external_ids: list[str], models: list[str] = []) -> int:  # noqa: B006 # read only
            known.update(dimension for dimension in {*dimensions} - known if dimension and is_dimension_id(dimension))
            if {*dimensions} <= known and {*models} <= names and None not in values and all(external_ids):
                return len(dimensions)
            return 0

        fields = ("dimensionId", "value", "externalId", "model")
        return QuickCheck(fields if "model" in placed else fields[:3], good)

    def _check_point(self, body: dict[str, Any]) -> None:
        """Check a point; the parent of a point that was read becomes the external id it is written with."""
        parent = body.pop(PARENT, None)
        if body.get("externalId") is None and parent is not None:
            body["externalId"] = self._external_id(str(body.get("model")), parent)
        check_point(body, self.model)

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """Send points; when asked, only those whose record is there now that what was read before them is out."""
        there = items
        if self.run.settings.check_metric_targets:
            there = []
            for item in items:
                name = self._without_record(item)
                if name is None:
                    there.append(item)
                else:
                    yield [item], [Verdict(Verdicts.REJECTED, reason=f"no {name} {_DROPPED}")]
        yield from super().deliver(there, distinct=distinct)

    def _without_record(self, item: Item) -> str | None:
        """Name of the model that has no record for a point; None when it has one."""
        body = msgspec.json.decode(item.body)
        name: str = body.get("model") or "Company"
        return None if body["externalId"] in self.run.external_ids(model_called(name)) else name

    def enter(self, item: Item, verdict: Verdict) -> None:
        """Enter the outcome of a point, unless its record may still come."""
        if not ((verdict.reason or "").endswith(_DROPPED) and self.run.held.hold(item, verdict)):
            super().enter(item, verdict)

    def label_of(self, item: Item) -> str:
        """The metric, the record and the day of a point; many points of a run share each of them."""
        point = msgspec.json.decode(item.body)
        if not point and item.raw.startswith(b"{"):
            point = self.builder.known(msgspec.json.decode(item.raw), _NAMES_POINT)
        named = {**point, "date": str(point.get("date") or "")[:_DAY]}
        told = ", ".join(one_line(f"{name}={named[name]}", _LONGEST_NAME) for name in _NAMES_POINT if named.get(name))
        return told or item.label

    def _external_id(self, name: str, parent: str) -> str:
        try:
            model = model_called(name)
        except StopIteration:
            msg = "model: a point with parentId must name its model"
            raise RefusedRowError(msg) from None
        found = self.run.external_ids(model).of(parent)
        if found is None:
            msg = f"the {name} {parent} has no externalId in Planhat, and points are matched on it"
            raise RefusedRowError(msg)
        return found

    def push(self, rows: Sequence[Row]) -> PushResult:
        """Post the points."""
        return self.run.client.push_metrics(rows, rows_per_call=self.max_size)


class ActivitiesSink(PushSink):
    """User activities, many in a call or one by one."""

    @cached_property
    def _streak(self) -> Streak:
        return Streak()

    @property
    def written_model(self) -> Model:
        """Activities without what only Segment events carry."""
        return push_model(self.model, Way.ACTIVITIES)

    def key_rule(self, plan: ColumnPlan) -> KeyRule:
        """Activities have no key; the enduser names them."""
        del plan
        return KeyRule(("externalId", "euExtId", "email"), frozenset(), None, needs_key=False)

    def checker(self) -> Callable[[dict[str, Any]], None]:
        """Activities must name an enduser."""
        return check_activity

    def quick_check(self) -> QuickCheck | None:
        """The same check on many activities."""
        return _first_named(self.builder.plan, ("email", "externalId", "euExtId"))

    def push(self, rows: Sequence[Row]) -> PushResult:
        """Post the activities."""
        if self.settings.endpoint == "bulk":
            return self.run.client.push_activities(rows, rows_per_call=self.max_size)
        return one_by_one(rows, self.run.client.push_activity, self._streak)


class SegmentSink(ActivitiesSink):
    """Events in the form of Segment."""

    @property
    def written_model(self) -> Model:
        """The fields of an event."""
        return push_model(self.model, Way.SEGMENT)

    def key_rule(self, plan: ColumnPlan) -> KeyRule:
        """Events have no key; the user names them."""
        del plan
        return KeyRule(("userId",), frozenset(), None, needs_key=False)

    def checker(self) -> Callable[[dict[str, Any]], None]:
        """Events must name a user."""
        return check_event

    def quick_check(self) -> QuickCheck | None:
        """The same check on many events."""
        return _first_named(self.builder.plan, ("userId",))

    def push(self, rows: Sequence[Row]) -> PushResult:
        """Post the events, one by one."""
        client = self.run.client
        return one_by_one(rows, lambda row: client.push_segment(msgspec.json.decode(row.body)), self._streak)


class DuplicateSink(PushSink):
    """Copies time entries that are in Planhat already."""

    pushes = False

    def key_rule(self, plan: ColumnPlan) -> KeyRule:
        """Entries are named by their `_id` and nothing else."""
        if Slot("_id") not in plan:
            msg = f"streams.{self.stream_name}.mode: 'duplicate' copies entries by _id, and no column leads to it"
            raise SettingsError(msg)
        return KeyRule(("_id",), frozenset(), None, needs_key=True)

    def push(self, rows: Sequence[Row]) -> BulkResult:
        """Have the entries copied."""
        return self.run.client.duplicate_time_entries([row.keys["_id"] for row in rows])


def _first_named(plan: ColumnPlan, fields: Sequence[str]) -> QuickCheck:
    """The check that the first of these fields which has a column is filled; other rows are looked at one by one.

    Raises:
        NoTypeError: None of them has a column.
    """
    placed = {source.slot.name for source in plan.sources}
    named = next((name for name in fields if name in placed), None)
    if named is None:
        raise NoTypeError
    return QuickCheck((named,), leading)
