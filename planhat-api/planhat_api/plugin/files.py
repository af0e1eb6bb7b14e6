"""Reads the files that the command line of a plugin names: each holds a JSON object, or one line says what is wrong."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planhat_api.errors import ConfigurationError
from planhat_api.jsontext import mended, nests_deeply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["STANDARD_INPUT", "read_object", "read_settings", "unusable"]

STANDARD_INPUT = "-"
"""Names standard input in place of a file."""

_RIGHT: Mapping[str, str] = {
    "--config": 'It should hold a JSON object of settings, such as {"api_token": "..."}',
    "--catalog": "It should hold what the tap writes with --discover",
    "--state": "It should hold the value of a STATE message of the tap; without --state, everything is read",
}
_KINDS: Mapping[type, str] = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
_LONGEST_INTEGER = 18  # digits that surely fit into the 64 bits that can be written again


def read_settings(paths: Iterable[str]) -> dict[str, Any]:
    """The settings in the files that ``--config`` names; of two values for one setting the last wins.

    Raises:
        ConfigurationError: One of them cannot be read, or holds something else.
    """
    settings: dict[str, Any] = {}
    for path in paths:
        settings |= read_object("--config", path)
    return settings


def read_object(option: str, path: str, *, exact: bool = False) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        option: The option that names the file, for the message.
        path: The file; ``-`` is standard input.
        exact: Whether numbers keep each of their digits, so that they can be written as they were.

    Raises:
        ConfigurationError: It cannot be read, or holds something else.
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
        raise unusable(option, path, "nests too deeply")
    return value


def unusable(option: str, path: str, wrong: str) -> ConfigurationError:
    """The error of a file that is not what its option wants.

    Args:
        option: The option that names the file.
        path: The file.
        wrong: What is wrong with it, as the rest of a sentence about the file.
    """
    return ConfigurationError(setting=f"{option} {path}", message=f"{wrong}. {_RIGHT[option]}")


def _parsed(option: str, path: str, content: bytes, *, exact: bool) -> Any:  # noqa: ANN401 - any JSON value
    numbers: dict[str, Any] = {"parse_int": _integer, "parse_float": Decimal} if exact else {}
    try:
        # Some shells write files in UTF-16, or in UTF-8 with a mark at the beginning.
        text = content.decode(json.detect_encoding(content))
        return json.loads(mended(text.encode()).decode(), **numbers)
    except UnicodeDecodeError:
        raise unusable(option, path, "is not text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise unusable(option, path, f"is no JSON from line {error.lineno}, column {error.colno} on") from None
    except RecursionError:
        raise unusable(option, path, "nests too deeply") from None
    except (ArithmeticError, ValueError):
        raise unusable(option, path, "holds a number that is too large") from None


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INTEGER else Decimal(text)
