"""Turns records into metric points and user activities, and checks them before they are sent."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.fast.quick_check import QuickCheck, leading
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.routing import Way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.rows.mapping import ColumnPlan

__all__ = [
    "PARENT",
    "check_activity",
    "check_event",
    "check_point",
    "first_named",
    "push_model",
    "quick_point_check",
]

PARENT = "parentId"
"""Field of a point as it is read: Planhat's id of the record; written points carry its externalId."""

_READ_NAMES = {"time": "date"}
_ALSO_WRITTEN = {"model", PARENT}
_DIMENSION_ID = re.compile(r"[\w.:-]+")
_ACTIVITY_KEYS = ("email", "externalId", "euExtId")

_CHECKED_ONE_BY_ONE = "what names the record or person of each row comes in no column of its own"


def push_model(pushed: Model, way: Way) -> Model:
    """A model as it is written this way; fields that are only read are marked so, and the tap's columns left out."""
    if way is Way.METRICS:
        written = {*pushed.push_required, *_ALSO_WRITTEN}
        keep = {name for name, schema in pushed.properties.items() if name in written or schema.get("writeOnly")}
        # The parent is a reference only until its external id is known.
        return replace(pushed, properties=_marked(pushed, keep), written_as=_READ_NAMES, references={PARENT: ""})
    only_segment = {name for name, schema in pushed.properties.items() if schema.get("writeOnly")}
    keep = only_segment if way is Way.SEGMENT else set(pushed.properties) - only_segment
    properties = {name: schema for name, schema in pushed.properties.items() if name in keep}
    return replace(pushed, properties=MappingProxyType(properties), references={})


def _marked(model: Model, written: set[str]) -> Mapping[str, Any]:
    return MappingProxyType(
        {name: schema if name in written else {**schema, "readOnly": True} for name, schema in model.properties.items()}
    )


@cache
def _model_names(allowed: tuple[str, ...]) -> Mapping[str, str]:
    return {name.lower(): name for name in allowed}


def _is_dimension_id(text: str) -> bool:
    """Whether a metric may have this id: no spaces or special characters."""
    return _DIMENSION_ID.fullmatch(text) is not None


def check_point(body: dict[str, Any], model: Model) -> None:
    """Check a point, and give its model the spelling Planhat knows.

    Raises:
        RefusedRowError: Planhat would refuse the point, or drop it later without a word (B81).
    """
    missing = [name for name in model.push_required if body.get(name) is None]
    if missing:
        msg = f"a metric point needs {', '.join(missing)}"
        raise RefusedRowError(msg)
    if not _is_dimension_id(body["dimensionId"]):
        msg = "dimensionId: letters, digits and _ . : - only"
        raise RefusedRowError(msg)
    if body.get("model") is not None:
        allowed = tuple(model.properties["model"]["enum"])
        found = _model_names(allowed).get(body["model"].lower().replace("_", ""))
        if found is None:
            msg = f"model: one of {', '.join(allowed)}"
            raise RefusedRowError(msg)
        body["model"] = found


def quick_point_check(plan: ColumnPlan, model: Model) -> QuickCheck:
    """The same check on many points; any doubt is left to `check_point`.

    Raises:
        NoTypeError: The points name their records by what is only read, so each must be looked at.
    """
    placed = {source.slot.name for source in plan.sources}
    if PARENT in placed:
        raise NoTypeError(_CHECKED_ONE_BY_ONE)
    names = {None, *model.properties["model"]["enum"]}
    known: set[str] = set()

    def good(dimensions: list[str], values: list[float], external_ids: list[str], models: list[str] = []) -> int:  # noqa: B006 # read only
        known.update(dimension for dimension in {*dimensions} - known if dimension and _is_dimension_id(dimension))
        if {*dimensions} <= known and {*models} <= names and None not in values and all(external_ids):
            return len(dimensions)
        return 0

    fields = ("dimensionId", "value", "externalId", "model")
    return QuickCheck(fields if "model" in placed else fields[:3], good)


def first_named(plan: ColumnPlan, fields: Sequence[str]) -> QuickCheck:
    """The check that the first of these fields which has a column is filled; other rows are looked at one by one.

    Raises:
        NoTypeError: None of them has a column.
    """
    placed = {source.slot.name for source in plan.sources}
    named = next((name for name in fields if name in placed), None)
    if named is None:
        raise NoTypeError(_CHECKED_ONE_BY_ONE)
    return QuickCheck((named,), leading)


def check_activity(body: Mapping[str, Any]) -> None:
    """Check an activity.

    Raises:
        RefusedRowError: It names no enduser.
    """
    if not any(body.get(name) for name in _ACTIVITY_KEYS):
        msg = f"an activity needs one of {', '.join(_ACTIVITY_KEYS)}"
        raise RefusedRowError(msg)


def check_event(body: Mapping[str, Any]) -> None:
    """Check an event of Segment.

    Raises:
        RefusedRowError: It names no user.
    """
    if not body.get("userId"):
        msg = "an event needs userId"
        raise RefusedRowError(msg)
