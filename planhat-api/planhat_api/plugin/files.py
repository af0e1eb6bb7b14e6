"""Reads JSON objects from the files that the command line of a plugin names."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planhat_api.errors import ConfigurationError
from planhat_api.jsontext import nests_deeply, replace_lone_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["STANDARD_INPUT", "read_object", "read_settings", "unusable"]

STANDARD_INPUT = "-"
"""Means standard input in place of a file."""

_RIGHT: Mapping[str, str] = {
    "--config": 'It should hold a JSON object of settings, such as {"api_token": "..."}',
    "--catalog": "It should hold what the tap writes with --discover",
    "--state": "It should hold the value of a STATE message of the tap; without --state, everything is read",
}
_KINDS: Mapping[type, str] = {list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
_LONGEST_INTEGER = 18  # digits; they certainly fit into the 64 bits that can be written again


def read_settings(paths: Iterable[str]) -> dict[str, Any]:
    """Read the settings from the files of ``--config``; the last value of a setting counts.

    Raises:
        ConfigurationError: A file cannot be read, or does not contain a JSON object.
    """
    settings: dict[str, Any] = {}
    for path in paths:
        settings |= read_object("--config", path)
    return settings


def read_object(option: str, path: str, *, exact: bool = False) -> dict[str, Any]:
    """Read the JSON object in a file.

    Args:
        option: The option that names the file, for the message.
        path: The file; ``-`` is standard input.
        exact: Whether numbers keep all their digits, so that they can be written unchanged.

    Raises:
        ConfigurationError: The file cannot be read, or does not contain a JSON object.
    """
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise unusable(option, path, f"cannot be read: {reason}") from None
    if not content.strip():
        raise unusable(option, path, "is empty")
    value = _parsed(option, path, content, exact=exact)
    if not isinstance(value, dict):
        raise unusable(option, path, f"is {_KINDS.get(type(value), 'a number')}, not an object")
    if nests_deeply(value):
        raise unusable(option, path, "is nested too deeply")
    return value


def unusable(option: str, path: str, wrong: str) -> ConfigurationError:
    """The error for a file with the wrong content.

    Args:
        option: The option that names the file.
        path: The file.
        wrong: What is wrong, as the rest of a sentence about the file.
    """
    return ConfigurationError(setting=f"{option} {path}", message=f"{wrong}. {_RIGHT[option]}")


def _parsed(option: str, path: str, content: bytes, *, exact: bool) -> Any:  # noqa: ANN401 - any JSON value
    numbers: dict[str, Any] = {"parse_int": _integer, "parse_float": Decimal} if exact else {}
    try:
        # Some shells write files in UTF-16, or in UTF-8 with a byte order mark.
        text = content.decode(json.detect_encoding(content))
        return json.loads(replace_lone_surrogates(text.encode()).decode(), **numbers)
    except UnicodeDecodeError:
        raise unusable(option, path, "is not text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise unusable(option, path, f"is not valid JSON at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise unusable(option, path, "is nested too deeply") from None
    except (ArithmeticError, ValueError):
        raise unusable(option, path, "holds a number that is too large") from None


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INTEGER else Decimal(text)
