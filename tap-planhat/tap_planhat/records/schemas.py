"""Makes the JSON Schema of each stream from its model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_planhat.records.record_types import EPOCH_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model

ORIGINAL = "_planhat_original"
"""Column with the original of every value that was converted; null or absent if none was."""

KEY = "_id"

Schema = dict[str, Any]

_NOTES_ON_FORMAT = {EPOCH_DAY: "days since 1970-01-01"}
_TEXT: Schema = {"type": ["string", "null"]}


def stream_schema(model: Model, custom_fields: Mapping[str, Schema] | None = None) -> Schema:
    """The JSON Schema of a stream. It allows further properties, and every property may be null (B46).

    Args:
        model: The model the stream reads.
        custom_fields: Schemas of the model's custom fields by name; if None, ``custom`` stays an open object.
    """
    names = [KEY, *(name for name in model.properties if name != KEY and name not in model.secret)]
    properties = {name: _announced(model.properties.get(name, _TEXT)) for name in names}
    updated = model.updated.field
    if updated and updated not in properties:
        properties[updated] = {"type": ["string", "null"], "format": "date-time"}
    if custom_fields and "custom" in properties:
        properties["custom"]["properties"] = dict(custom_fields)
    properties[ORIGINAL] = {
        "type": ["object", "null"],
        "description": "Original of each value of this record that was converted to the announced type, by field.",
        "additionalProperties": True,
    }
    return {
        "type": "object",
        "description": stream_description(model),
        "properties": properties,
        "additionalProperties": True,
    }


def stream_description(model: Model) -> str:
    """Describes the stream for people who read the catalog."""
    parts = [model.description]
    if model.view_of:
        parts.append(f"A part of the stream {model.view_of}, read from the same list.")
    if model.path == "tickets":
        parts.append("Tickets are conversations as well, so the stream conversations holds them too.")
    if model.hidden:
        parts.append(f"Rows a plain list leaves out are included: {model.hidden}.")
    return " ".join(parts)


def _announced(declared: Mapping[str, Any]) -> Schema:
    """The schema of one property: it may be null, and has no ``enum`` because other values occur (B53)."""
    announced: Schema = {"type": [declared["type"], "null"]}
    if declared.get("format") == "date-time":
        announced["format"] = "date-time"
    if description := _description(declared):
        announced["description"] = description
    if declared["type"] == "object":
        announced["additionalProperties"] = True
    if "items" in declared:
        announced["items"] = _announced(declared["items"])
    return announced


def _description(declared: Mapping[str, Any]) -> str:
    notes = (declared.get("description"), _NOTES_ON_FORMAT.get(declared.get("format", "")))
    return "; ".join(note for note in notes if note)
