"""The rows of a tenant as a warehouse would send them: a Singer file made of what the tap wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.calls.books import path_of
from benchmarks.calls.changes import ONE_OF

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.calls.tenant import Tenant

# By stream: columns that a warehouse knows. All are fields that Planhat takes, and `_id` is the key.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "companies": ("externalId", "sourceId", "name", "phase", "status", "country", "city", "csmScore", "custom"),
    "endusers": (
        *("externalId", "sourceId", "email", "firstName", "lastName", "companyId", "position", "phone", "tags"),
        "custom",
    ),
    "assets": ("externalId", "sourceId", "name", "companyId", "serialNumber", "status", "value", "custom"),
}
CHANGED = {"companies": "city", "endusers": "position", "assets": "status"}
"""The column that a changed row has another value in."""


def write(tenant: Tenant, path: Path, *, changed: str | None = None) -> dict[str, int]:
    """Write the rows of all streams.

    Args:
        tenant: Whose rows they are.
        path: The file.
        changed: The new value of one column in one percent of the rows; None leaves all as they are.

    Returns:
        Number of rows by stream.
    """
    counts = {}
    with path.open("w", encoding="utf-8") as file:
        for stream, columns in COLUMNS.items():
            rows = tenant.control("GET", f"rows/{path_of(stream)}")
            file.write(json.dumps(_schema(stream, columns)) + "\n")
            for number, row in enumerate(rows):
                record = {name: row[name] for name in ("_id", *columns) if row.get(name) is not None}
                if changed is not None and number % ONE_OF == 0:
                    record[CHANGED[stream]] = changed
                file.write(json.dumps({"type": "RECORD", "stream": stream, "record": record}) + "\n")
            counts[stream] = len(rows)
        file.write(json.dumps({"type": "STATE", "value": {"read": "all"}}) + "\n")
    return counts


def changed_rows(counts: Mapping[str, int]) -> dict[str, int]:
    """Number of changed rows by stream."""
    return {stream: -(-count // ONE_OF) for stream, count in counts.items()}


def _schema(stream: str, columns: tuple[str, ...]) -> dict[str, Any]:
    properties: dict[str, dict[str, Any]] = {name: {} for name in ("_id", *columns)}
    return {"type": "SCHEMA", "stream": stream, "schema": {"properties": properties}, "key_properties": ["_id"]}
