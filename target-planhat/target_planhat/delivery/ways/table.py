"""Which way the rows of a stream go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.ways.activities import Activities
from target_planhat.delivery.ways.bulk_upsert import BulkUpsert
from target_planhat.delivery.ways.custom_fields import CustomFieldsOneByOne
from target_planhat.delivery.ways.duplicates import Duplicates
from target_planhat.delivery.ways.metrics import Metrics
from target_planhat.delivery.ways.segment import SegmentEvents
from target_planhat.rows.routing import Way

if TYPE_CHECKING:
    import logging

    from target_planhat.delivery.ways.way import DeliveryWay, WayContext
    from target_planhat.rows.routing import Route
    from target_planhat.settings import StreamSettings

__all__ = ["DUPLICATE", "make_way", "way_of_route"]

DUPLICATE = "duplicate"
"""The mode that copies rows which Planhat holds already."""

_BY_ROUTE: dict[Way, type[DeliveryWay]] = {
    Way.BULK: BulkUpsert,
    Way.SINGLE: CustomFieldsOneByOne,
    Way.METRICS: Metrics,
    Way.ACTIVITIES: Activities,
    Way.SEGMENT: SegmentEvents,
}
_BY_MODE: dict[str, type[DeliveryWay]] = {DUPLICATE: Duplicates}
"""Modes that take another way than the route of the stream says."""


def way_of_route(route: Route) -> type[DeliveryWay]:
    """The way that rows go if the mode of their stream does not say otherwise."""
    return _BY_ROUTE[route.way]


def make_way(route: Route, settings: StreamSettings, context: WayContext, logger: logging.Logger) -> DeliveryWay:
    """The way that the rows of a stream go."""
    kind = _BY_MODE.get(settings.mode, way_of_route(route))
    return kind(route.model, settings, context, logger)
