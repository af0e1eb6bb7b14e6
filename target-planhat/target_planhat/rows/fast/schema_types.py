"""Converts the JSON Schema of a column to a msgspec type."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "Decode",
    "JsonType",
    "NoTypeError",
    "bounded",
    "column_type",
    "is_any_of",
    "is_plain",
    "struct",
    "union",
    "without_null",
]

JsonType: TypeAlias = Any
"""A type that msgspec can decode."""
Decode: TypeAlias = "Callable[[bytes | msgspec.Raw], Any]"
"""Reads an object of a generated class."""


class NoTypeError(Exception):
    """No type can read the records of the stream, so they need the general path. The text gives the reason."""


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
_SCALARS = (str, int, float, bool, None)
_UNIONS = frozenset({Union, UnionType})
_LEVELS = 6
"""How deep values nest in a type that accepts all values. Each level doubles the size of the type."""


def is_plain(schema: object, also: Iterable[str] = ()) -> bool:
    """Whether a schema contains only its type."""
    return isinstance(schema, dict) and set(schema) <= _ANNOTATIONS.union(also)


def is_any_of(schema: Mapping[str, Any]) -> bool:
    """Whether a schema contains only a choice between other schemas."""
    return "anyOf" in schema and set(schema) <= {"anyOf", "title", "description"}


def union(types: Iterable[JsonType]) -> JsonType:
    """A type that accepts the values of all these types."""
    return Union[tuple(types)]  # noqa: UP007 # how many there are is known only here


def without_null(kind: JsonType) -> JsonType:
    """The same type without null. A type that accepts only null stays the same."""
    others = [part for part in get_args(kind) if part is not NoneType] if get_origin(kind) in _UNIONS else []
    return union(others) if others else kind


def _any_json(levels: int) -> JsonType:
    """A type for all values with at most this many levels."""
    if levels == 0:
        return union(_SCALARS)
    inner = _any_json(levels - 1)
    return union([*_SCALARS, dict[str, inner], list[inner]])  # type: ignore[valid-type] # made here


def bounded(kind: JsonType) -> JsonType:
    """The same type without deeply nested values. A record with such a value needs the general path."""
    if kind is Any:
        return _SHALLOW
    parts = get_args(kind)
    inner = tuple(map(bounded, parts))
    if inner == parts:
        return kind
    origin: Any = get_origin(kind)
    return origin[inner] if origin in {dict, list} else union(inner)


_SHALLOW = _any_json(_LEVELS)


def column_type(schema: object) -> tuple[JsonType, bool]:
    """The type of a value; Any if the schema allows all values.

    Returns:
        The type, and whether it accepts only values that the schema allows.

    Raises:
        NoTypeError: It contains a name that is not possible in a generated class.
    """
    if schema in _ANYTHING:
        return Any, True
    if not isinstance(schema, dict):
        return Any, False
    if is_any_of(schema):
        return _any_of(schema["anyOf"])
    names = schema.get("type")
    if names is None:
        return Any, set(schema) <= _ANNOTATIONS
    found = [_type(name, schema) for name in ([names] if isinstance(names, str) else names)]
    says_all = is_plain(schema, {"properties", "additionalProperties", "required", "items"})
    return union(kind for kind, _ in found), says_all and all(exact for _, exact in found)


def _any_of(branches: Iterable[object]) -> tuple[JsonType, bool]:
    found = [column_type(branch) for branch in branches]
    kinds = [kind for kind, _ in found]
    return Any if Any in kinds else union(kinds), all(exact for _, exact in found)


def _type(name: str, schema: Mapping[str, Any]) -> tuple[JsonType, bool]:
    if name == "array" and schema.get("items", True) not in _ANYTHING:
        inner, exact = column_type(schema["items"])
        return list[inner], exact  # type: ignore[valid-type] # made here
    if name == "object":
        requires_nothing = not schema.get("required")
        if any(member not in _ANYTHING for member in schema.get("properties", {}).values()):
            kind, exact = _object_type(schema["properties"])
            return kind, exact and requires_nothing
        return _TYPES[name], requires_nothing and schema.get("additionalProperties", True) in _ANYTHING
    return (_TYPES[name], True) if name in _TYPES else (Any, False)


def _object_type(properties: Mapping[str, object]) -> tuple[JsonType, bool]:
    """A generated class. It accepts only members in the schema, which is stricter than necessary."""
    fields: list[Any] = []
    rename = {}
    all_exact = True
    for place, (name, member) in enumerate(properties.items()):
        kind, exact = column_type(member)
        all_exact = all_exact and exact
        rename[f"f{place}"] = name
        fields.append((f"f{place}", union([bounded(kind), UnsetType]), UNSET))
    return struct("Member", fields, rename), all_exact


def struct(name: str, fields: list[Any], rename: Mapping[str, str], *, strict: bool = True) -> type[msgspec.Struct]:
    """A generated class with these fields. Their defaults are not encoded.

    Raises:
        NoTypeError: msgspec does not support a name, such as one with a quotation mark, or a union of types.
    """
    try:
        made = msgspec.defstruct(
            name, fields, rename=rename, omit_defaults=True, forbid_unknown_fields=strict, kw_only=False, gc=False
        )
        msgspec.json.Decoder(made)
    except (TypeError, ValueError) as err:
        message = f"a name or a choice of types in it is not supported ({err})"
        raise NoTypeError(message) from err
    return made
