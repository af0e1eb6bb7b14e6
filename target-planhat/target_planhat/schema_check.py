"""Checks the schema of a stream before a row is looked at."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator, Draft7Validator, SchemaError
from jsonschema.validators import validator_for

from target_planhat.errors import InputError, SettingsError, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_planhat.messages import SchemaMessage

__all__ = ["check_key_columns", "check_schema", "explicit"]

_SHOWN_COLUMNS = 10
_ALTERNATIVES = {"allOf", "anyOf", "oneOf"}
_TYPES = "array, boolean, integer, null, number, object, string"


def check_key_columns(stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Check that a stream has the columns that the tap calls its key.

    Raises:
        SettingsError: It has not. No row of the stream would have its key.
    """
    columns = list(schema.get("properties", ()))
    for key in keys:
        if key not in columns:
            near = get_close_matches(key, columns, n=1)
            hint = f" Did you mean {quoted(near[0])}?" if near else ""
            more = f" and {len(columns) - _SHOWN_COLUMNS} more" if len(columns) > _SHOWN_COLUMNS else ""
            msg = (
                f"stream {quoted(stream)}: its key is column {quoted(key)}, which its schema lacks.{hint} "
                f"Its columns: {', '.join(map(quoted, columns[:_SHOWN_COLUMNS]))}{more}"
            )
            raise SettingsError(msg)


def check_schema(message: SchemaMessage) -> None:
    """Check that the schema of a stream is JSON Schema.

    Raises:
        InputError: It is not.
    """
    fault = schema_fault(message.schema)
    if fault is not None:
        column, reason = fault
        schema = "the schema" if column is None else f"the schema of column {quoted(column)}"
        msg = f"{message.place}: stream {quoted(message.stream)}: {schema} is not JSON Schema: {reason}"
        raise InputError(msg)


def explicit(schema: Any) -> Any:  # noqa: ANN401 # any part of a JSON Schema
    """A schema whose columns are objects: `true` and `false` are schemas as well, which few programs expect."""
    if not isinstance(schema, dict):
        return {} if schema else {"not": {}}
    said = dict(schema)
    if "properties" in said:
        said["properties"] = {name: explicit(part) for name, part in said["properties"].items()}
    for word in said.keys() & _ALTERNATIVES:
        said[word] = list(map(explicit, said[word]))
    return said


def schema_fault(schema: dict[str, Any]) -> tuple[str | None, str] | None:
    """What is wrong with a schema: the column, or None when it is no column, and the reason. None when all is well."""
    draft = validator_for(schema, Draft7Validator) if isinstance(schema.get("$schema", ""), str) else Draft7Validator
    try:
        draft.check_schema(schema)
    except SchemaError as err:
        # Taps leave out `$schema` and mix the drafts, above all the boolean `exclusiveMaximum` of draft 4.
        if not Draft4Validator(Draft4Validator.META_SCHEMA).is_valid(schema):
            path = [str(part) for part in err.absolute_path]
            column = path[1] if path[:1] == ["properties"] and len(path) > 1 else None
            return column, _reason(path[2:] if column is not None else path, err)
    return None


def _reason(path: list[str], err: SchemaError) -> str:
    """What is wrong, without a value: defaults and examples may come from rows."""
    where = ".".join(path) or "it"
    if path[-1:] == ["type"] and isinstance(err.instance, str):
        return f"{where} is {quoted(err.instance)}; the types of JSON Schema are {_TYPES}"
    return f"{where} does not hold what JSON Schema wants there ({err.validator})"
