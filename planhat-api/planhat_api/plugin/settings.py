"""Checks the settings of a plugin before the SDK does, which would print secrets or a stack trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from planhat_api.errors import ConfigurationError
from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.settings.connection import NO_TOKEN
from planhat_api.settings.table import CONNECTION_SETTINGS, NO_LONGER
from planhat_api.settings.typed import wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "check_environment",
    "given_settings",
    "unknown_settings",
    "unknown_variables",
    "without_faults",
    "words_for",
]

_MISSING = "'api_token' is a required property"


def unknown_settings(config: Mapping[str, Any], schema: Mapping[str, Any], gone: Mapping[str, str]) -> Iterator[str]:
    """Warnings about settings that do not exist and have no effect.

    Args:
        config: The given settings. They may contain settings of the connection that the plugin does not have, because
            tap and target can share a file.
        schema: JSON Schema of the settings of the plugin.
        gone: Messages about removed settings of the plugin by name, as the rest of a sentence about the setting.
    """
    known = list(schema["properties"])
    gone = {**NO_LONGER, **gone}
    for name in config:
        if name in gone:
            yield f"{name} {gone[name]}"
        elif name not in known and name not in CONNECTION_SETTINGS:
            near = closest_name(name, known)
            yield f"There is no setting {name!r}." + (f" Did you mean {near!r}?" if near else "")


def unknown_variables(
    environment: Mapping[str, str], prefix: str, schema: Mapping[str, Any], gone: Mapping[str, str]
) -> Iterator[str]:
    """Warnings about environment variables whose names are similar to that of a setting.

    Args:
        environment: All variables.
        prefix: The prefix of the plugin's variables. Variables of Meltano have another underscore after it.
        schema: JSON Schema of the settings of the plugin.
        gone: As for ``unknown_settings``.
    """
    known = [*schema["properties"], *CONNECTION_SETTINGS]
    gone = {**NO_LONGER, **gone}
    for variable in environment:
        name = variable.removeprefix(prefix).lower()
        if not variable.startswith(prefix) or name.startswith("_") or name in known:
            continue
        if name in gone:
            yield f"{variable}: {name} {gone[name]}"
        elif near := closest_name(name, known):
            yield f"{variable}: there is no setting {name!r}. Did you mean {near!r}?"


def words_for(error: str) -> str:
    """The SDK's message about a setting that does not fit its schema; for a missing token, our own message."""
    return f"api_token: {NO_TOKEN}" if error == _MISSING else error


def given_settings(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that have a value. Null means the default.

    Args:
        config: The given settings.
        schema: JSON Schema of the settings.

    Raises:
        ConfigurationError: A secret is a number, a list or an object. An error of the schema would quote it.
    """
    for name, setting in schema["properties"].items():
        if setting.get("secret") and not isinstance(config.get(name, ""), (str, type(None))):
            raise ConfigurationError(setting=name, message=f"must be {wanted(setting)}")
    return {name: value for name, value in config.items() if value is not None}


def without_faults(schema: Any) -> Any:  # noqa: ANN401 -- any part of a JSON Schema
    """Remove alternatives that are not schemas, which cause a stack trace when settings are checked.

    The SDK writes such alternatives for `__else__` in stream maps.
    """
    if isinstance(schema, list):
        return [without_faults(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: without_faults(part) for name, part in schema.items()}
    alternatives = parts.get("anyOf")
    if isinstance(alternatives, list):
        parts["anyOf"] = [entry for entry in alternatives if isinstance(entry, (dict, bool))]
    return parts


def check_environment(environment: Mapping[str, str], prefix: str, schema: Mapping[str, Any]) -> None:
    """Check that environment variables have the types of their settings.

    Args:
        environment: All variables.
        prefix: The prefix of the plugin's variables.
        schema: JSON Schema of the settings.

    Raises:
        ConfigurationError: A variable has the wrong type.
    """
    for name, setting in schema["properties"].items():
        value = environment.get(prefix + name.upper())
        if value is None:
            continue
        types = setting.get("type", ())
        if "integer" in types and not value.strip().lstrip("+-").isdigit():
            raise ConfigurationError(setting=name, message=f"must be {wanted(setting)}")
        if "object" in types:
            _check_object(name, value)


def _check_object(name: str, value: str) -> None:
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ConfigurationError(setting=name, message="must be a JSON object")
