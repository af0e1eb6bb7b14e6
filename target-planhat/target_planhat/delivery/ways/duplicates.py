"""Copies of time entries that are in Planhat already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.ways.way import AddingWay
from target_planhat.errors import SettingsError
from target_planhat.rows.keys import KeyRule
from target_planhat.rows.mapping import Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api import Row, SendResult
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["Duplicates"]


class Duplicates(AddingWay):
    """Many entries in a call; each call makes further copies."""

    def key_rule(self, stream: str, plan: ColumnPlan) -> KeyRule:
        """Entries are named by their `_id` and nothing else."""
        if Slot("_id") not in plan:
            msg = f"streams.{stream}.mode: 'duplicate' copies entries by _id, and no column leads to it"
            raise SettingsError(msg)
        return KeyRule(("_id",), frozenset(), None, needs_key=True)

    def _push(self, rows: Sequence[Row]) -> SendResult:
        return self._tenant.client.duplicate_time_entries([row.keys["_id"] for row in rows])
