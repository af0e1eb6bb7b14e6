"""The rules for rows that Planhat matches on their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.rows.fast.quick_check import QuickCheck, leading_filled
from target_planhat.rows.keys import key_rule
from target_planhat.rows.rules.row_rules import RowRules

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["upsert_rules"]


def upsert_rules(model: Model, settings: StreamSettings, tenant: Tenant) -> RowRules:
    """The rules for rows that are created or updated."""
    del tenant
    return RowRules(
        model,
        model,
        key_rule=lambda stream, plan: key_rule(stream, model, plan, settings),
        merges_by_key=True,
        can_delete=True,
        quick_check=_quick_check,
    )


def _quick_check(builder: RowBuilder) -> QuickCheck | None:
    """A check of the fields without which Planhat drops a row."""
    needed = builder.dropped_without
    return QuickCheck(needed, lambda *columns: min(map(leading_filled, columns))) if needed else None
