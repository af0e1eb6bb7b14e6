"""The rules for user activities, in Planhat's own form or in the form of Segment."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.fast.quick_check import QuickCheck, leading_filled
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.keys import named_by
from target_planhat.rows.rules.row_rules import RowRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["activity_rules", "segment_rules"]

_ACTIVITY_KEYS = ("email", "externalId", "euExtId")
_CHECKED_ONE_BY_ONE = "no column leads to a field that identifies the person"


def activity_rules(model: Model, settings: StreamSettings, tenant: Tenant) -> RowRules:
    """The rules for activities in Planhat's form. They have no key. Their enduser identifies them in messages."""
    del settings, tenant
    return RowRules(
        model,
        _written(model, segment=False),
        key_rule=named_by("externalId", "euExtId", "email"),
        check=_check_activity,
        quick_check=lambda builder: _first_filled(builder, _ACTIVITY_KEYS),
    )


def segment_rules(model: Model, settings: StreamSettings, tenant: Tenant) -> RowRules:
    """The rules for events in the form of Segment. They have no key. Their user identifies them in messages."""
    del settings, tenant
    return RowRules(
        model,
        _written(model, segment=True),
        key_rule=named_by("userId"),
        check=_check_event,
        quick_check=lambda builder: _first_filled(builder, ("userId",)),
    )


def _written(pushed: Model, *, segment: bool) -> Model:
    """The model with only the fields of Segment's events, or with only the fields of activities."""
    only_segment = {name for name, schema in pushed.properties.items() if schema.get("writeOnly")}
    keep = only_segment if segment else set(pushed.properties) - only_segment
    properties = {name: schema for name, schema in pushed.properties.items() if name in keep}
    return replace(pushed, properties=MappingProxyType(properties), references={})


def _first_filled(builder: RowBuilder, fields: Sequence[str]) -> QuickCheck:
    """A check of the first of these fields that has a column: rows with an empty field need the general path.

    Raises:
        NoTypeError: None of them has a column.
    """
    placed = {source.field.name for source in builder.plan.sources}
    named = next((name for name in fields if name in placed), None)
    if named is None:
        raise NoTypeError(_CHECKED_ONE_BY_ONE)
    return QuickCheck((named,), leading_filled)


def _check_activity(body: Mapping[str, Any]) -> None:
    """Check that an activity has an enduser.

    Raises:
        RefusedRowError: It has none.
    """
    if not any(body.get(name) for name in _ACTIVITY_KEYS):
        msg = f"an activity needs one of {', '.join(_ACTIVITY_KEYS)}"
        raise RefusedRowError(msg)


def _check_event(body: Mapping[str, Any]) -> None:
    """Check that an event has a user.

    Raises:
        RefusedRowError: It has none.
    """
    if not body.get("userId"):
        msg = "an event needs userId"
        raise RefusedRowError(msg)
