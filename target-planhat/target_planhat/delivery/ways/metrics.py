"""Metric points, posted to the analytics host."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.logs import one_line
from target_planhat.delivery.ways.way import AddingWay, named_by
from target_planhat.errors import SettingsError
from target_planhat.outcomes.outcome import RecordOutcome
from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.mapping import Slot
from target_planhat.rows.points import PARENT, check_point, push_model, quick_point_check
from target_planhat.rows.routing import Way
from target_planhat.tenant.existing_rows import model_called

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import PushResult, Row
    from planhat_api.models.registry import Model
    from target_planhat.outcomes.outcome import Settled
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.rows.fast.quick_check import QuickCheck
    from target_planhat.rows.item import Item
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["Metrics"]

_NAMES_POINT = ("dimensionId", "model", "externalId", PARENT, "date")
_DAY = len("2024-05-14")
_LONGEST_NAME = 100
_DROPPED = "has this externalId; Planhat would drop the point without a word"


class Metrics(AddingWay):
    """Many points in a call."""

    needs_tenant_token = True

    @cached_property
    def written_model(self) -> Model:
        """Points as they are written."""
        return push_model(self.model, Way.METRICS)

    @property
    def check(self) -> Callable[[dict[str, Any]], None]:
        """Points are checked as points."""
        return self._check_point

    def key_rule(self, stream: str, plan: ColumnPlan) -> KeyRule:
        """Points have no key; the external id of their record names them."""
        del stream, plan
        return named_by("externalId")

    def check_plan(self, stream: str, plan: ColumnPlan) -> None:
        """Complain when a field every point needs has no column."""
        missing = [name for name in self.model.push_required if Slot(name) not in plan]
        if Slot(PARENT) in plan and Slot("model") in plan:
            missing = [name for name in missing if name != "externalId"]
        if missing:
            msg = f"stream {stream!r}: no column leads to {', '.join(missing)}"
            raise SettingsError(msg)

    def quick_check(self, builder: RowBuilder) -> QuickCheck:
        """The same check on many points."""
        return quick_point_check(builder.plan, self.model)

    def _check_point(self, body: dict[str, Any]) -> None:
        """Check a point; the parent of a point that was read becomes the external id it is written with."""
        parent = body.pop(PARENT, None)
        if body.get("externalId") is None and parent is not None:
            body["externalId"] = self._external_id(str(body.get("model")), parent)
        check_point(body, self.model)

    def _external_id(self, name: str, parent: str) -> str:
        model = model_called(name)
        if model is None:
            msg = "model: a point with parentId must name its model"
            raise RefusedRowError(msg)
        found = self._tenant.external_ids(model).of(parent)
        if found is None:
            msg = f"the {name} {parent} has no externalId in Planhat, and points are matched on it"
            raise RefusedRowError(msg)
        return found

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """Send points; when asked, only those whose record is there now that what was read before them is out."""
        there = items
        if self._context.settings.check_metric_targets:
            there = []
            for item in items:
                name = self._without_record(item)
                if name is None:
                    there.append(item)
                else:
                    yield [item], [RecordOutcome.rejected(f"no {name} {_DROPPED}", may_pass_later=True)]
        yield from super().deliver(there, distinct=distinct)

    def _without_record(self, item: Item) -> str | None:
        """Name of the model that has no record for a point; None when it has one."""
        body = msgspec.json.decode(item.body)
        name: str = body.get("model") or "Company"
        model = model_called(name)
        return None if model is None or body["externalId"] in self._tenant.external_ids(model) else name

    def _push(self, rows: Sequence[Row]) -> PushResult:
        return self._tenant.client.push_metrics(rows, rows_per_call=self.most_rows)

    def may_wait(self, item: Item, outcome: RecordOutcome) -> bool:
        """Whether the record of a point is missing, which may still come."""
        del item
        return outcome.may_pass_later

    def label(self, item: Item, builder: RowBuilder) -> str:
        """The metric, the record and the day of a point; many points of a run share each of them."""
        point = msgspec.json.decode(item.body)
        if not point and item.raw.startswith(b"{"):
            point = builder.known(msgspec.json.decode(item.raw), _NAMES_POINT)
        named = {**point, "date": str(point.get("date") or "")[:_DAY]}
        told = ", ".join(one_line(f"{name}={named[name]}", _LONGEST_NAME) for name in _NAMES_POINT if named.get(name))
        return told or item.label
