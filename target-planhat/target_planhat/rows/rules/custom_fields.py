"""The rules for rows that are custom fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.names import folded
from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.keys import named_by
from target_planhat.rows.rules.row_rules import RowRules, each_row_is_checked

if TYPE_CHECKING:
    from planhat_api import Row
    from planhat_api.models.registry import Model
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["custom_field_rules"]

_IDENTITY = ("parent", "name")


def custom_field_rules(model: Model, settings: StreamSettings, tenant: Tenant) -> RowRules:
    """The rules for custom fields, which the target finds itself."""
    del settings, tenant
    return RowRules(
        model,
        model,
        key_rule=named_by("_id", "name"),
        merges_by_key=True,
        check=_check,
        quick_check=each_row_is_checked,
        identity=_identity,
    )


def _check(body: dict[str, Any]) -> None:
    """Check that a row identifies its custom field.

    Raises:
        RefusedRowError: It does not.
    """
    if not body.get("_id") and not all(body.get(name) for name in _IDENTITY):
        msg = f"a custom field needs _id, or {' and '.join(_IDENTITY)}"
        raise RefusedRowError(msg)


def _identity(row: Row, match: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The key of a row with the model of the custom field, because several models may have the same name."""
    if match and match[0] == "name":
        return (*match, folded(str(msgspec.json.decode(row.body)["parent"])))
    return match
