"""Copies time entries that are already in Planhat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.ways.added_rows import AddedRows
from target_planhat.delivery.ways.way import WayKind
from target_planhat.rows.rules.copies import copy_rules

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from planhat_api import Row, SendResult
    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.settings import StreamSettings

__all__ = ["COPIES"]


def _delivery(model: Model, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger) -> AddedRows:
    del model, settings

    def push(rows: Sequence[Row]) -> SendResult:
        return context.tenant.client.duplicate_time_entries([row.keys["_id"] for row in rows])

    return AddedRows(push, context, logger)


COPIES = WayKind(copy_rules, _delivery, adds_each_time=True)
"""Many time entries in one call. Each call makes new copies."""
