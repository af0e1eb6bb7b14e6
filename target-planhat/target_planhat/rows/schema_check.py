"""Checks the schema of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api.plugin.name_suggestions import closest_name
from target_planhat.errors import InputError, SettingsError, quoted
from target_planhat.rows.record_schema import schema_fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_planhat.rows.value_form import Json

__all__ = ["check_key_columns", "check_schema"]

_SHOWN_COLUMNS = 10


def check_key_columns(stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Check that a stream has its key columns.

    Raises:
        SettingsError: A column is missing. No row of the stream would have its key.
    """
    columns = list(schema.get("properties", ()))
    for key in keys:
        if key not in columns:
            near = closest_name(key, columns)
            hint = f" Did you mean {quoted(near)}?" if near else ""
            more = f" and {len(columns) - _SHOWN_COLUMNS} more" if len(columns) > _SHOWN_COLUMNS else ""
            msg = (
                f"stream {quoted(stream)}: its key is column {quoted(key)}, which its schema lacks.{hint} "
                f"Its columns: {', '.join(map(quoted, columns[:_SHOWN_COLUMNS]))}{more}"
            )
            raise SettingsError(msg)


def check_schema(stream: str, schema: Json, place: str) -> None:
    """Check that the schema of a stream is JSON Schema.

    Args:
        stream: Its name.
        schema: The schema.
        place: Its place in the input, for messages.

    Raises:
        InputError: It is not JSON Schema.
    """
    fault = schema_fault(schema)
    if fault is not None:
        column, reason = fault
        where = "the schema" if column is None else f"the schema of column {quoted(column)}"
        msg = f"{place}: stream {quoted(stream)}: {where} is not JSON Schema: {reason}"
        raise InputError(msg)
