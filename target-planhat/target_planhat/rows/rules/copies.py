"""The rules for rows that name time entries to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.errors import SettingsError
from target_planhat.rows.keys import KeyRule
from target_planhat.rows.mapping import Field
from target_planhat.rows.rules.row_rules import RowRules

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from target_planhat.rows.mapping import ColumnPlan
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["copy_rules"]


def copy_rules(model: Model, settings: StreamSettings, tenant: Tenant) -> RowRules:
    """The rules for rows that name time entries by `_id`. Their other fields are not used."""
    del settings, tenant
    return RowRules(model, model, key_rule=_key_rule)


def _key_rule(stream: str, plan: ColumnPlan) -> KeyRule:
    if Field("_id") not in plan:
        msg = f"streams.{stream}.mode: 'duplicate' copies entries by _id, and no column leads to it"
        raise SettingsError(msg)
    return KeyRule(("_id",), frozenset(), None, needs_key=True)
