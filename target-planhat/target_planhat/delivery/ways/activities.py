"""Sends user activities, many in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.ways.added_rows import AddedRows
from target_planhat.delivery.ways.way import WayKind
from target_planhat.rows.rules.events import activity_rules

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from planhat_api import Row, SendResult
    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.settings import StreamSettings

__all__ = ["ACTIVITIES"]


def _delivery(model: Model, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger) -> AddedRows:
    del model, settings

    def push(rows: Sequence[Row]) -> SendResult:
        return context.tenant.client.push_activities(rows, rows_per_call=len(rows))

    return AddedRows(push, context, logger)


ACTIVITIES = WayKind(activity_rules, _delivery, adds_each_time=True, needs_tenant_token=True)
"""User activities in Planhat's own form."""
