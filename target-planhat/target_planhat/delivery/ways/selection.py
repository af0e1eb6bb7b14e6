"""Selects the way in which the rows of a stream are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import analytics
from target_planhat.delivery.ways.activities import ACTIVITIES
from target_planhat.delivery.ways.bulk_upsert import BULK_UPSERT
from target_planhat.delivery.ways.copies import COPIES
from target_planhat.delivery.ways.custom_fields import CUSTOM_FIELDS
from target_planhat.delivery.ways.metrics import METRICS
from target_planhat.delivery.ways.segment import SEGMENT
from target_planhat.delivery.ways.way import DeliveryWay
from target_planhat.rows.routing import Way

if TYPE_CHECKING:
    import logging

    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.delivery.ways.way import WayKind
    from target_planhat.rows.routing import Route
    from target_planhat.settings import StreamSettings

__all__ = ["DUPLICATE", "kind_of_route", "make_way"]

DUPLICATE = "duplicate"
"""The mode that copies rows which are already in Planhat."""

_BY_ROUTE: dict[Way, WayKind] = {
    Way.BULK: BULK_UPSERT,
    Way.SINGLE: CUSTOM_FIELDS,
    Way.METRICS: METRICS,
    Way.ACTIVITIES: ACTIVITIES,
    Way.SEGMENT: SEGMENT,
}
_BY_MODE: dict[str, WayKind] = {DUPLICATE: COPIES}
"""Modes that need another way than the route of the stream."""


def kind_of_route(route: Route) -> WayKind:
    """The way in which the rows of a route are sent, unless the mode of the stream needs another way."""
    return _BY_ROUTE[route.way]


def make_way(route: Route, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger) -> DeliveryWay:
    """The way in which the rows of a stream are sent."""
    kind = _BY_MODE.get(settings.mode, kind_of_route(route))
    run = context.settings
    return DeliveryWay(
        kind,
        route.model,
        rules=kind.rules(route.model, settings, context.tenant),
        delivery=kind.delivery(route.model, settings, context, logger),
        most_rows=analytics.ROWS_PER_CALL if kind.adds_each_time else run.batch_size_rows,
        can_push=context.tenant.can_push,
    )
