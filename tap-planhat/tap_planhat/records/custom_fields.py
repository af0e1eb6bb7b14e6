"""Types the custom fields of each model from their definitions in Planhat (B47)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planhat_api.models.registry import Model

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "null"]}
_NUMBER: Schema = {"type": ["number", "null"]}
_TEXTS: Schema = {"type": ["array", "null"], "items": _TEXT}

_SCHEMAS: Mapping[str, Schema] = {
    "number": _NUMBER,
    "text": _TEXT,
    "rich text": _TEXT,
    "checkbox": {"type": ["boolean", "null"]},
    "day": _NUMBER,
    "date": {**_TEXT, "format": "date-time"},
    "list": _TEXT,
    "multipicklist": _TEXTS,
    "team member": _TEXT,
    "team members": _TEXTS,
    "enduser": _TEXT,
    "endusers": _TEXTS,
    "rating": _NUMBER,
    "phone": _TEXT,
    "email": _TEXT,
    "url": _TEXT,
}

_NOTES: Mapping[str, str] = {
    "rich text": "HTML",
    "day": "days since 1970-01-01",
    "team member": "user id",
    "team members": "user ids",
    "enduser": "enduser id",
    "endusers": "enduser ids",
}


def custom_fields_by_parent(definitions: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Schema]]:
    """Schemas of custom fields by name, grouped by the folded name of their parent model.

    A field whose type is not known here is left out: its values pass as they come.
    """
    fields: dict[str, dict[str, Schema]] = {}
    for definition in definitions:
        name, parent = definition.get("name"), definition.get("parent")
        schema = field_schema(definition)
        if isinstance(name, str) and name and isinstance(parent, str) and schema:
            fields.setdefault(_folded(parent), {})[name] = schema
    return fields


def custom_fields_of(model: Model, by_parent: Mapping[str, Mapping[str, Schema]]) -> Mapping[str, Schema]:
    """The custom fields of one model; its parent name is written in many ways, so several are tried."""
    names = {_folded(model.name), _folded(model.file), _folded(model.path)}
    if model.view_of:
        names.add(_folded(model.view_of))
    return {field: schema for name in sorted(names) for field, schema in by_parent.get(name, {}).items()}


def field_schema(definition: Mapping[str, Any]) -> Schema | None:
    """Schema of one custom field; its list values are documentation only, since values off the list occur (B53)."""
    kind = str(definition.get("type", "")).strip().lower()
    schema = _SCHEMAS.get(kind)
    if schema is None:
        return None
    notes = [kind if kind not in _NOTES else f"{kind}, {_NOTES[kind]}"]
    if definition.get("isFormula"):
        notes.append("formula")
    values = definition.get("listValues")
    if isinstance(values, list) and values:
        notes.append("values: " + ", ".join(map(str, values)))
    return {**schema, "description": "Custom field: " + "; ".join(notes)}


def _folded(name: str) -> str:
    """A model name without case, blanks and plural, as far as telling models apart needs it."""
    letters = "".join(char for char in name.lower() if char.isalnum())
    return letters[:-3] + "y" if letters.endswith("ies") else letters.removesuffix("s")
