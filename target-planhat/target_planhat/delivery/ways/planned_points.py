"""Finds out what a plan can tell about metric points before they are sent."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.dates import epoch_day
from planhat_api.values.names import folded
from planhat_api.values.numbers import Number
from target_planhat.tenant.existing_rows import model_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_planhat.plan.plan import Plan
    from target_planhat.rows.item import Item
    from target_planhat.tenant.tenant import Tenant

__all__ = ["note_points"]

_WITHOUT_RECORD = "have no record with their externalId; Planhat would drop them without an error (B81)"
_SAME_DAY = "are for days on which their record has a value already; the metric decides what becomes of both (B82)"
_decode = msgspec.json.Decoder(dict[str, Any]).decode

_Point = tuple[str, str, str, Number | None]
"""Metric, model, external id, epoch day."""


def note_points(plan: Plan, tenant: Tenant, items: Sequence[Item]) -> None:
    """Count the points of a batch without a record, and those for days that already have a value.

    Args:
        plan: Gets the counts.
        tenant: Reads records and values. It reads each metric once for the days of the batch.
        items: The points.
    """
    points = [_point(_decode(item.body)) for item in items]
    held = _held_points(tenant, points)
    for item, point in zip(items, points, strict=True):
        notes = plan.counts.of(item.stream.name).notes
        model = model_named(point[1])
        if model is not None and point[2] not in tenant.external_ids(model):
            notes[_WITHOUT_RECORD] += 1
        elif point in held:
            notes[_SAME_DAY] += 1


def _point(body: dict[str, Any]) -> _Point:
    model = folded(body.get("model") or "Company")
    return str(body.get("dimensionId")), model, str(body.get("externalId")), _day_in(body.get("date"))


def _day_in(value: object) -> Number | None:
    return epoch_day(value) if value else None


def _held_points(tenant: Tenant, points: Sequence[_Point]) -> set[_Point]:
    """The points that Planhat holds of these metrics, from their first day to their last one."""
    days: dict[str, list[int]] = defaultdict(list)
    for dimension, _, _, day in points:
        if day is not None:
            days[dimension].append(int(day))
    found: set[_Point] = set()
    for dimension, wanted in days.items():
        pages = tenant.client.dimension_data(first_day=min(wanted), last_day=max(wanted), dimension_id=dimension)
        for page in pages:
            for value in page.records():
                point = _held_point(tenant, value)
                if point is not None:
                    found.add(point)
    return found


def _held_point(tenant: Tenant, value: dict[str, Any]) -> _Point | None:
    model = model_named(str(value.get("model") or ""))
    day = _day_in(value.get("time"))
    if model is None or day is None:
        return None
    external_id = tenant.external_ids(model).of(str(value.get("parentId")))
    return None if external_id is None else (str(value.get("dimensionId")), folded(model.name), external_id, day)
