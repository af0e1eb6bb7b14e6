"""Makes schemas of custom fields from their definitions in Planhat (B47)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api.values.custom_types import Holds, custom_type
from planhat_api.values.names import model_names, without_plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planhat_api.models.registry import Model

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "null"]}
_NUMBER: Schema = {"type": ["number", "null"]}
_TEXTS: Schema = {"type": ["array", "null"], "items": _TEXT}

_SCHEMAS: Mapping[Holds, Schema] = {
    Holds.TEXT: _TEXT,
    Holds.TEXTS: _TEXTS,
    Holds.NUMBER: _NUMBER,
    Holds.BOOLEAN: {"type": ["boolean", "null"]},
    Holds.DAY: _NUMBER,
    Holds.DATE: {**_TEXT, "format": "date-time"},
    Holds.REFERENCE: _TEXT,
    Holds.REFERENCES: _TEXTS,
}


def custom_fields_by_parent(definitions: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Schema]]:
    """Schemas of custom fields by name, grouped by the normalized name of their parent model.

    A field of an unknown type is left out, so its values pass unchanged.
    """
    fields: dict[str, dict[str, Schema]] = {}
    for definition in definitions:
        name, parent = definition.get("name"), definition.get("parent")
        schema = field_schema(definition)
        if isinstance(name, str) and name and isinstance(parent, str) and schema:
            fields.setdefault(without_plural(parent), {})[name] = schema
    return fields


def custom_fields_of(model: Model, by_parent: Mapping[str, Mapping[str, Schema]]) -> Mapping[str, Schema]:
    """The custom fields of one model. Planhat spells the name of the parent in several ways, so all are tried."""
    names = sorted(model_names(model))
    return {field: schema for name in names for field, schema in by_parent.get(name, {}).items()}


def days_among(definitions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The custom fields that hold days (B41)."""
    types = ((definition, custom_type(definition.get("type"))) for definition in definitions)
    return [definition for definition, found in types if found and found.holds is Holds.DAY]


def field_schema(definition: Mapping[str, Any]) -> Schema | None:
    """Schema of one custom field. Its list values are only documentation, because other values occur (B53)."""
    found = custom_type(definition.get("type"))
    if found is None:
        return None
    notes = [f"{found.name}, {found.note}" if found.note else found.name]
    if definition.get("isFormula"):
        notes.append("formula")
    values = definition.get("listValues")
    if isinstance(values, list) and values:
        notes.append("values: " + ", ".join(map(str, values)))
    return {**_SCHEMAS[found.holds], "description": "Custom field: " + "; ".join(notes)}
