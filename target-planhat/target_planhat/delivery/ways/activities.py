"""User activities, many in a call."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from target_planhat.delivery.ways.way import AddingWay, named_by
from target_planhat.rows.points import check_activity, first_named, push_model
from target_planhat.rows.routing import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api import PushResult, Row
    from planhat_api.models.registry import Model
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.rows.fast.quick_check import QuickCheck
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["Activities"]


class Activities(AddingWay):
    """Activities as Planhat knows them."""

    needs_tenant_token = True

    @cached_property
    def written_model(self) -> Model:
        """Activities without what only Segment events carry."""
        return push_model(self.model, Way.ACTIVITIES)

    @property
    def check(self) -> Callable[[dict[str, Any]], None]:
        """Activities must name an enduser."""
        return check_activity

    def key_rule(self, stream: str, plan: ColumnPlan) -> KeyRule:
        """Activities have no key; the enduser names them."""
        del stream, plan
        return named_by("externalId", "euExtId", "email")

    def quick_check(self, builder: RowBuilder) -> QuickCheck:
        """The same check on many activities."""
        return first_named(builder.plan, ("email", "externalId", "euExtId"))

    def _push(self, rows: Sequence[Row]) -> PushResult:
        return self._tenant.client.push_activities(rows, rows_per_call=self.most_rows)
