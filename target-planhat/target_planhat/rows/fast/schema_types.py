"""Turns the JSON Schema of a column into a msgspec type that takes no value the schema forbids."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Decode", "JsonType", "NoTypeError", "bounded", "column_type", "is_plain", "union", "without_null"]

JsonType: TypeAlias = Any
"""A type msgspec can decode."""
Decode: TypeAlias = "Callable[[bytes | msgspec.Raw], Any]"
"""Reads an object of a generated class."""


class NoTypeError(Exception):
    """No type is as strict as the schema; records of the stream take the general path. The text says why."""


_ANNOTATIONS = frozenset(
    {"type", "format", "title", "description", "default", "examples", "$comment", "readOnly", "writeOnly", "deprecated"}
)
_TYPES: Mapping[str, JsonType] = {
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": None,
    "object": dict[str, Any],
    "array": list[Any],
}
_ANYTHING: tuple[object, ...] = (True, {})
_SAYS_MORE = "its schema says more than types"
_SCALARS = (str, int, float, bool, None)
_UNIONS = frozenset({Union, UnionType})
_LEVELS = 6
"""How deep values nest in a type that allows everything. With each level the type is twice as large."""


def more_than_types(schema: Mapping[str, Any], also: Iterable[str] = ()) -> str | None:
    """What a schema says beside types, for people; None when that is nothing."""
    more = sorted(set(schema) - _ANNOTATIONS.union(also))
    return f"its schema says more than types: {', '.join(more)}" if more else None


def is_plain(schema: object, also: Iterable[str] = ()) -> bool:
    """Whether a schema says nothing but its type."""
    return isinstance(schema, dict) and set(schema) <= _ANNOTATIONS.union(also)


def union(types: Iterable[JsonType]) -> JsonType:
    """One type that takes what any of these takes."""
    return Union[tuple(types)]  # noqa: UP007 # how many there are is known only here


def without_null(kind: JsonType) -> JsonType:
    """The same type, but for null. What takes nothing else takes null as before."""
    others = [part for part in get_args(kind) if part is not NoneType] if get_origin(kind) in _UNIONS else []
    return union(others) if others else kind


def _any_json(levels: int) -> JsonType:
    """Any value that nests no deeper than so many levels."""
    if levels == 0:
        return union(_SCALARS)
    inner = _any_json(levels - 1)
    return union([*_SCALARS, dict[str, inner], list[inner]])  # type: ignore[valid-type] # made here


def bounded(kind: JsonType) -> JsonType:
    """A type that takes no value which nests deeply; a record with one needs the general path, which measures it."""
    if kind is Any:
        return _SHALLOW
    parts = get_args(kind)
    inner = tuple(map(bounded, parts))
    if inner == parts:
        return kind
    origin: Any = get_origin(kind)
    return origin[inner] if origin in {dict, list} else union(inner)


_SHALLOW = _any_json(_LEVELS)


def column_type(schema: object) -> JsonType:
    """The type of a value; Any when the schema allows everything.

    Raises:
        NoTypeError: The schema says more than a type can.
    """
    if schema in _ANYTHING:
        return Any
    if not isinstance(schema, dict):
        raise NoTypeError(_SAYS_MORE)
    if "anyOf" in schema and set(schema) <= {"anyOf", "title", "description"}:
        return _any_of(schema["anyOf"])
    if more := more_than_types(schema, {"properties", "additionalProperties", "required", "items"}):
        raise NoTypeError(more)
    names = schema.get("type")
    if names is None:
        return Any
    types = [_type(name, schema) for name in ([names] if isinstance(names, str) else names)]
    return union(types)


def _any_of(branches: Iterable[object]) -> JsonType:
    types = [column_type(branch) for branch in branches]
    return Any if Any in types else union(types)


def _type(name: str, schema: Mapping[str, Any]) -> JsonType:
    if name == "array" and schema.get("items", True) not in _ANYTHING:
        return list[column_type(schema["items"])]  # type: ignore[misc]
    if name == "object" and any(member not in _ANYTHING for member in schema.get("properties", {}).values()):
        return _object_type(schema)
    if name == "object" and (schema.get("required") or schema.get("additionalProperties", True) not in _ANYTHING):
        raise NoTypeError(_SAYS_MORE)
    if name not in _TYPES:
        raise NoTypeError(_SAYS_MORE)
    return _TYPES[name]


def _object_type(schema: Mapping[str, Any]) -> JsonType:
    """A generated class; it takes no member that the schema does not name, stricter than need be."""
    properties = schema["properties"]
    if not set(schema.get("required", ())) <= set(properties):
        raise NoTypeError(_SAYS_MORE)
    fields: list[Any] = []
    rename = {}
    for place, (name, member) in enumerate(properties.items()):
        kind = bounded(column_type(member))
        rename[f"f{place}"] = name
        needed = name in schema.get("required", ())
        fields.append((f"f{place}", kind) if needed else (f"f{place}", union([kind, UnsetType]), UNSET))
    return struct("Member", fields, rename)


def struct(name: str, fields: list[Any], rename: Mapping[str, str], *, strict: bool = True) -> type[msgspec.Struct]:
    """A generated class with these fields, whose defaults are not encoded.

    Raises:
        NoTypeError: A name that msgspec cannot carry, such as one with a quotation mark, or types it cannot unite.
    """
    try:
        made = msgspec.defstruct(
            name, fields, rename=rename, omit_defaults=True, forbid_unknown_fields=strict, kw_only=False, gc=False
        )
        msgspec.json.Decoder(made)
    except (TypeError, ValueError) as err:
        message = f"a name or a choice of types in it needs a closer look ({err})"
        raise NoTypeError(message) from err
    return made
