"""Turns the JSON Schema of a column into a msgspec type that takes no value the schema forbids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NoTypeError", "declared_type"]


class NoTypeError(Exception):
    """No type is as strict as the schema; records of the stream take the general path."""


_ANNOTATIONS = frozenset(
    {"type", "format", "title", "description", "default", "examples", "$comment", "readOnly", "writeOnly", "deprecated"}
)
_HARMLESS = {"object": {"properties", "additionalProperties"}, "array": {"items"}}
_TYPES: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": None,
    "object": dict[str, msgspec.Raw],
    "array": list[msgspec.Raw],
}


def declared_type(schema: Any) -> Any:  # noqa: ANN401 # the type of a type
    """The type of a column; Any when the schema allows everything.

    Raises:
        NoTypeError: The schema says more than a type can.
    """
    if schema is True or schema == {}:
        return Any
    if not isinstance(schema, dict):
        raise NoTypeError
    if set(schema) <= {"anyOf", "title", "description"} and "anyOf" in schema:
        return _union([declared_type(branch) for branch in schema["anyOf"]])
    names = schema.get("type")
    names = [names] if isinstance(names, str) else names
    if names is None and set(schema) <= _ANNOTATIONS:
        return Any
    if not isinstance(names, list) or not set(names) <= set(_TYPES):
        raise NoTypeError
    allowed = _ANNOTATIONS.union(*(_HARMLESS.get(name, ()) for name in names))
    if not set(schema) <= allowed:
        raise NoTypeError
    return _union([_type(name, schema) for name in names])


def _type(name: str, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 # the type of a type
    if name == "number":
        return int | float
    if name == "array" and schema.get("items", True) not in (True, {}):
        return list[declared_type(schema["items"])]  # type: ignore[misc]
    if name == "object" and not _is_open(schema):
        raise NoTypeError
    return _TYPES[name]


def _is_open(schema: Mapping[str, Any]) -> bool:
    """Whether an object may hold anything, so that its members need no look."""
    members = schema.get("properties", {}).values()
    return schema.get("additionalProperties", True) in (True, {}) and all(member in (True, {}) for member in members)


def _union(types: list[Any]) -> Any:  # noqa: ANN401 # the type of a type
    if Any in types:
        return Any
    return Union[tuple(types)]  # noqa: UP007 # the number of branches is known only here
