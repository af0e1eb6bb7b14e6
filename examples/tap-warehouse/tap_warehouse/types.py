"""What a DuckDB type becomes in a JSON Schema."""

from __future__ import annotations

from typing import Any

INTEGERS = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "hugeint")
NUMBERS = ("float", "double", "decimal")
INSTANTS = ("timestamp", "timestamp with time zone", "timestamp_s", "timestamp_ms", "timestamp_ns")
OBJECTS = ("struct", "map")

TEXT = {"type": ["string", "null"]}
SCHEMAS: dict[str, dict[str, Any]] = {
    **{kind: {"type": ["integer", "null"]} for kind in INTEGERS},
    **{kind: {"type": ["number", "null"]} for kind in NUMBERS},
    **{kind: {**TEXT, "format": "date-time"} for kind in INSTANTS},
    **{kind: {"type": ["object", "null"]} for kind in OBJECTS},
    "date": {**TEXT, "format": "date"},
    "boolean": {"type": ["boolean", "null"]},
    "json": {"type": ["object", "array", "string", "number", "boolean", "null"]},
}


def schema_of(type_name: str) -> dict[str, Any]:
    """JSON Schema of one column; text for a type not listed here.

    Args:
        type_name: DuckDB's own spelling, e.g. ``DECIMAL(18,3)`` or ``VARCHAR[]``.
    """
    if type_name.endswith("]"):
        return {"type": ["array", "null"]}
    return SCHEMAS.get(type_name.lower().partition("(")[0], TEXT)
