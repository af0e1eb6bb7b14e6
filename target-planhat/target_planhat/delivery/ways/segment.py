"""Sends user activities in the form of Segment, one in each call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_planhat.delivery.one_by_one import ConsecutiveFailures, post_each
from target_planhat.delivery.ways.added_rows import AddedRows
from target_planhat.delivery.ways.way import WayKind
from target_planhat.rows.rules.events import segment_rules

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from planhat_api import Row, SendResult
    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.settings import StreamSettings

__all__ = ["SEGMENT"]

_NOTED_AT_ONCE = 50
"""Rows between two notes in the delivery ledger: after a crash, it is not known of so many whether they arrived."""


def _delivery(model: Model, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger) -> AddedRows:
    del model, settings
    failures = ConsecutiveFailures()

    def push(rows: Sequence[Row]) -> SendResult:
        client = context.tenant.client
        return post_each(rows, lambda row: client.push_segment(msgspec.json.decode(row.body)), failures)

    return AddedRows(push, context, logger, most_at_once=_NOTED_AT_ONCE)


SEGMENT = WayKind(segment_rules, _delivery, adds_each_time=True, needs_tenant_token=True)
"""User activities in the form of Segment."""
