"""The rules for metric points."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from itertools import zip_longest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.logs import one_line
from planhat_api.values.names import folded
from target_planhat.errors import SettingsError
from target_planhat.record_line import UNREADABLE
from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.fast.quick_check import QuickCheck, leading_filled
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.keys import named_by
from target_planhat.rows.mapping import Field
from target_planhat.rows.rules.row_rules import RowRules
from target_planhat.tenant.existing_rows import model_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.rows.item import Item
    from target_planhat.rows.mapping import ColumnPlan
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["DIMENSION_ID_FORM", "is_dimension_id", "point_rules"]

PARENT = "parentId"
"""Field of a point with Planhat's id of its record. It is only read; points are written with the externalId."""

_READ_NAMES = {"time": "date"}
_ALSO_WRITTEN = {"model", PARENT}
_NAMES_POINT = ("dimensionId", "model", "externalId", PARENT, "date")
_DAY = len("2024-05-14")
_LARGEST = 1e300
"""Points of one day are added up, so that their numbers must be smaller than the largest possible one."""
_LONGEST_NAME = 100
_DIMENSION_ID = re.compile(r"[\w.:-]+")

DIMENSION_ID_FORM = "letters, digits and _ . : - only"
"""What the id of a metric may contain, for messages."""
_OTHER_NAME = "the constant for model is not written as in Planhat"
_CHECKED_ONE_BY_ONE = "the record of each point is given by parentId"


def point_rules(model: Model, settings: StreamSettings, tenant: Tenant) -> RowRules:
    """The rules for points. They have no key. The external id of their record identifies them in messages."""
    del settings
    return RowRules(
        model,
        _written(model),
        key_rule=named_by("externalId"),
        check=partial(_check, tenant, model),
        check_plan=partial(_check_plan, model),
        quick_check=lambda builder: _quick_check(builder.plan, model),
        label=_label,
    )


def _written(pushed: Model) -> Model:
    """The model of points as they are written. Fields that are only read are marked as read-only."""
    written = {*pushed.push_required, *_ALSO_WRITTEN}
    keep = {name for name, schema in pushed.properties.items() if name in written or schema.get("writeOnly")}
    # The parent is a reference until it is replaced by its external id.
    return replace(pushed, properties=_marked(pushed, keep), written_as=_READ_NAMES, references={PARENT: ""})


def _marked(model: Model, written: set[str]) -> Mapping[str, Any]:
    return MappingProxyType(
        {name: schema if name in written else {**schema, "readOnly": True} for name, schema in model.properties.items()}
    )


@cache
def _model_names(allowed: tuple[str, ...]) -> Mapping[str, str]:
    return {folded(name): name for name in allowed}


def is_dimension_id(text: str) -> bool:
    """Whether this is a valid id of a metric: without spaces and special characters."""
    return _DIMENSION_ID.fullmatch(text) is not None


def _check_point(body: dict[str, Any], model: Model) -> None:
    """Check a point. Write its model as Planhat does.

    Raises:
        RefusedRowError: Planhat would refuse the point, or drop it later without an error (B81).
    """
    missing = [name for name in model.push_required if body.get(name) is None]
    if missing:
        msg = f"a metric point needs {', '.join(missing)}"
        raise RefusedRowError(msg)
    if not -_LARGEST <= body["value"] <= _LARGEST:
        msg = "value: the number is too large"
        raise RefusedRowError(msg)
    if not is_dimension_id(body["dimensionId"]):
        msg = f"dimensionId: {DIMENSION_ID_FORM}"
        raise RefusedRowError(msg)
    if body.get("model") is not None:
        allowed = tuple(model.properties["model"]["enum"])
        found = _model_names(allowed).get(folded(body["model"]))
        if found is None:
            msg = f"model: one of {', '.join(allowed)}"
            raise RefusedRowError(msg)
        body["model"] = found


def _is_usual(value: float | None) -> bool:
    return value is not None and -_LARGEST <= value <= _LARGEST


def _quick_check(plan: ColumnPlan, model: Model) -> QuickCheck:
    """The same check for many points at once. In doubt, a point is left to `_check_point`.

    Raises:
        NoTypeError: The points give their records by parentId, or their model is written in another way. So each must
            be checked alone.
    """
    placed = {source.field.name for source in plan.sources}
    if PARENT in placed:
        raise NoTypeError(_CHECKED_ONE_BY_ONE)
    names = {None, *model.properties["model"]["enum"]}
    if plan.constants.get(Field("model")) not in names:
        raise NoTypeError(_OTHER_NAME)
    known: set[str] = set()

    def good(dimensions: list[str], values: list[float | None], external_ids: list[str], models: list[str] = []) -> int:  # noqa: B006 # read only
        known.update(dimension for dimension in {*dimensions} - known if dimension and is_dimension_id(dimension))
        if {*dimensions} <= known and {*models} <= names and all(map(_is_usual, values)) and all(external_ids):
            return len(dimensions)
        columns = zip_longest(dimensions, values, external_ids, models)
        return leading_filled(
            [
                dimension in known and _is_usual(value) and external_id and model_name in names
                for dimension, value, external_id, model_name in columns
            ]
        )

    fields = ("dimensionId", "value", "externalId", "model")
    return QuickCheck(fields if "model" in placed else fields[:3], good)


def _check_plan(model: Model, stream: str, plan: ColumnPlan) -> None:
    """Check that each required field of a point has a column.

    Raises:
        SettingsError: A field has no column.
    """
    missing = [name for name in model.push_required if Field(name) not in plan]
    if Field(PARENT) in plan and Field("model") in plan:
        missing = [name for name in missing if name != "externalId"]
    if missing:
        msg = f"stream {stream!r}: no column leads to {', '.join(missing)}"
        raise SettingsError(msg)


def _check(tenant: Tenant, model: Model, body: dict[str, Any]) -> None:
    """Check a point. Replace its parentId by the external id of the record."""
    parent = body.pop(PARENT, None)
    if body.get("externalId") is None and parent is not None:
        body["externalId"] = _external_id(tenant, str(body.get("model")), parent)
    _check_point(body, model)


def _external_id(tenant: Tenant, name: str, parent: str) -> str:
    model = model_named(name)
    if model is None:
        msg = "model: a point with parentId must name its model"
        raise RefusedRowError(msg)
    found = tenant.external_ids(model).of(parent)
    if found is None:
        msg = f"the {name} {parent} has no externalId in Planhat, and points are matched on it"
        raise RefusedRowError(msg)
    return found


def _label(item: Item, builder: RowBuilder) -> str:
    """The metric, the record and the day of a point, which identify it together."""
    point = msgspec.json.decode(item.body)
    if not point and item.raw.startswith(b"{"):
        # A record that holds a number beyond all limits cannot be read.
        with suppress(*UNREADABLE):
            point = builder.known(msgspec.json.decode(item.raw), _NAMES_POINT)
    named = {**point, "date": str(point.get("date") or "")[:_DAY]}
    text = ", ".join(one_line(f"{name}={named[name]}", _LONGEST_NAME) for name in _NAMES_POINT if named.get(name))
    return text or item.label
