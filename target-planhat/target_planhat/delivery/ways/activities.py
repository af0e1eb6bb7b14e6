"""User activities, many in a call or one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.one_by_one import Streak, post_each
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
    del model
    streak = Streak()

    def push(rows: Sequence[Row]) -> SendResult:
        client = context.tenant.client
        if settings.endpoint == "bulk":
            return client.push_activities(rows, rows_per_call=context.settings.metrics_batch_size_rows)
        return post_each(rows, client.push_activity, streak)

    return AddedRows(push, context, logger)


ACTIVITIES = WayKind(activity_rules, _delivery, endpoints=("bulk", "one"), adds_each_time=True, needs_tenant_token=True)
"""Activities as Planhat knows them."""
