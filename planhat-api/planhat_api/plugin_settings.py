"""Checks the settings a plugin was given before its framework does, which would quote secrets or end in a trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from planhat_api.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_environment", "check_secrets", "without_faults"]


def check_secrets(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Refuse a secret that is no text: an error of the schema would quote it.

    Args:
        config: Settings as they came.
        schema: JSON Schema of the settings.

    Raises:
        ConfigurationError: A secret is a number, a list or an object.
    """
    for name, setting in schema["properties"].items():
        if setting.get("secret") and not isinstance(config.get(name, ""), (str, type(None))):
            raise ConfigurationError(setting=name, message=f"must be text, not {type(config[name]).__name__}")


def without_faults(schema: Any) -> Any:  # noqa: ANN401 -- any part of a JSON Schema
    """A JSON Schema of settings, without alternatives that are no schemas and end the check of the settings in a trace.

    The framework writes such alternatives for `__else__` in stream maps.
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
    """Check that variables can be read as the types their settings have.

    Args:
        environment: All variables.
        prefix: What the names of the plugin's variables begin with.
        schema: JSON Schema of the settings.

    Raises:
        ConfigurationError: A variable holds something else.
    """
    for name, setting in schema["properties"].items():
        value = environment.get(prefix + name.upper())
        if value is None:
            continue
        types = setting.get("type", ())
        if "integer" in types and not value.strip().lstrip("+-").isdigit():
            raise ConfigurationError(setting=name, message="must be a whole number")
        if "object" in types:
            _check_object(name, value)


def _check_object(name: str, value: str) -> None:
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ConfigurationError(setting=name, message="must be a JSON object")
