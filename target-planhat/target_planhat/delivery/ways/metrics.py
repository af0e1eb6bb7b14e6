"""Sends metric points to the analytics host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from planhat_api import Outcome, analytics
from target_planhat.delivery.ways.added_rows import AddedRows
from target_planhat.delivery.ways.delivery import Delivery
from target_planhat.delivery.ways.planned_points import note_points
from target_planhat.delivery.ways.way import WayKind
from target_planhat.rows.rules.points import point_rules
from target_planhat.tenant.existing_rows import model_named

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from planhat_api import Row, SendResult
    from planhat_api.models.registry import Model
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.rows.item import Item
    from target_planhat.settings import StreamSettings

__all__ = ["METRICS"]

_DROPPED = "has this externalId; Planhat would drop the point without an error"


class _Points(Delivery):
    """Sends points. If check_metric_targets is on, points whose record does not exist are not sent."""

    def __init__(
        self, model: Model, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger
    ) -> None:
        """Prepare to send."""
        del model, settings
        self._tenant = context.tenant
        self._plan = context.plan
        self._checks_records = context.settings.check_metric_targets
        self._added = AddedRows(self._push, context, logger)

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[ItemOutcomes]:
        """Send points."""
        sendable = items
        if self._checks_records:
            sendable = []
            for item in items:
                name = self._without_record(item)
                if name is None:
                    sendable.append(item)
                else:
                    yield [item], [Outcome.rejected(f"no {name} {_DROPPED}", may_pass_later=True)]
        if self._plan is not None:
            note_points(self._plan, self._tenant, sendable)
        yield from self._added.deliver(sendable, distinct=distinct)

    def may_wait(self, item: Item, outcome: Outcome) -> bool:
        """Whether the record of a point is missing and may still come."""
        del item
        return outcome.may_pass_later

    def _without_record(self, item: Item) -> str | None:
        """The name of the model if it has no record for a point; None if the record exists."""
        body = msgspec.json.decode(item.body)
        name: str = body.get("model") or "Company"
        model = model_named(name)
        return None if model is None or body["externalId"] in self._tenant.external_ids(model) else name

    def _push(self, rows: Sequence[Row]) -> SendResult:
        return self._tenant.client.push_metrics(rows, rows_per_call=len(rows))


METRICS = WayKind(point_rules, _Points, adds_each_time=True, needs_tenant_token=True, most_bytes=analytics.MOST_BYTES)
"""Many points in one call."""
