"""User activities in the form of Segment, one by one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.delivery.one_by_one import Streak, post_each
from target_planhat.delivery.ways.way import AddingWay, named_by
from target_planhat.rows.points import check_event, first_named, push_model
from target_planhat.rows.routing import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api import PushResult, Row
    from planhat_api.models.registry import Model
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.rows.fast.quick_check import QuickCheck
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["SegmentEvents"]


class SegmentEvents(AddingWay):
    """Events as Segment sends them."""

    needs_tenant_token = True

    @cached_property
    def _streak(self) -> Streak:
        return Streak()

    @cached_property
    def written_model(self) -> Model:
        """The fields of an event."""
        return push_model(self.model, Way.SEGMENT)

    @property
    def check(self) -> Callable[[dict[str, Any]], None]:
        """Events must name a user."""
        return check_event

    def key_rule(self, stream: str, plan: ColumnPlan) -> KeyRule:
        """Events have no key; the user names them."""
        del stream, plan
        return named_by("userId")

    def quick_check(self, builder: RowBuilder) -> QuickCheck:
        """The same check on many events."""
        return first_named(builder.plan, ("userId",))

    def _push(self, rows: Sequence[Row]) -> PushResult:
        client = self._tenant.client
        return post_each(rows, lambda row: client.push_segment(msgspec.json.decode(row.body)), self._streak)
