"""Checks settings that are described as the fields of a struct."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from planhat_api.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["checked", "properties_of", "wanted"]

_T = TypeVar("_T", bound=msgspec.Struct)
_AT_FAULT = re.compile(r"at `\$\.(\w+)[^`]*`$")
_KINDS: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list of texts",
    "object": "an object",
}


@lru_cache
def properties_of(described: type[msgspec.Struct]) -> Mapping[str, Any]:
    """The JSON Schema of each setting, in the form that the SDK and Meltano expect. Each has a title."""
    _, parts = msgspec.json.schema_components([described], ref_template="{name}")
    properties = parts[described.__name__]["properties"]
    return {
        name: {"title": name.replace("_", " ").capitalize(), **_plain(schema)} for name, schema in properties.items()
    }


def _plain(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON Schema
    """A JSON Schema with all types under ``type``, because the SDK and Meltano read them only there."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _plain(part) for name, part in schema.items() if (name, part) != ("default", None)}
    branches = plain.get("anyOf", ())
    if "enum" in plain:
        return {"type": "string", **plain}
    if not branches or any("enum" in branch for branch in branches):
        return plain
    del plain["anyOf"]
    types = {"type": [branch["type"] for branch in branches]}
    return {name: part for branch in branches for name, part in branch.items()} | types | plain


def checked(described: type[_T], settings: Mapping[str, Any], within: str = "") -> _T:
    """Check settings and add defaults. Settings that the struct does not describe are ignored.

    A setting has its default if its value is null, or an empty text and the setting is not a text. Numbers may come as
    text.

    Args:
        described: The struct.
        settings: Values by name.
        within: Prefix for the names of settings in messages.

    Raises:
        ConfigurationError: A value is wrong. The text names the setting and what is right, but not the value.
    """
    schemas = properties_of(described)
    given = {
        name: settings[name]
        for name, schema in schemas.items()
        if settings.get(name) is not None and (settings[name] != "" or _may_be_blank(schema))
    }
    try:
        return msgspec.convert(given, described, strict=False)
    except msgspec.ValidationError as error:
        found = _AT_FAULT.search(str(error))
        if found is None:
            raise
        name = found[1]
    raise ConfigurationError(setting=f"{within}{name}", message=f"must be {wanted(schemas[name])}")


def _may_be_blank(schema: Mapping[str, Any]) -> bool:
    return "string" in schema.get("type", ()) and "enum" not in schema


def wanted(schema: Mapping[str, Any]) -> str:
    """The values of this JSON Schema, as the end of a sentence."""
    if "anyOf" in schema:
        return ", or ".join(wanted(branch) for branch in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    text = " or ".join(_KINDS[kind] for kind in types if kind != "null")
    if "maximum" in schema:
        return f"{text} from {schema['minimum']} to {schema['maximum']}"
    return f"{text} of at least {schema['minimum']}" if "minimum" in schema else text
