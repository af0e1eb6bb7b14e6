"""Reads the files that the command line names: each holds a JSON object, or one line says what is wrong with it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from planhat_api.errors import ConfigurationError
from planhat_api.jsontext import mended, nests_deeply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import msgspec

    Check = Callable[[Mapping[str, Any]], str | None]

_RIGHT: Mapping[str, str] = {
    "--config": 'It should hold a JSON object of settings, such as {"api_token": "..."}',
    "--catalog": "It should hold what the tap writes with --discover",
    "--state": "It should hold the value of a STATE message of the tap; without --state, everything is read",
}
_KINDS: Mapping[type, str] = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
_EXPECTED = re.compile(r"Expected `(?P<expected>.*)`, got `(?P<got>.*?)`(?: - at `\$\.?(?P<place>.*)`)?")
_LONGEST_INTEGER = 18  # digits that surely fit into the 64 bits that can be written again


def names_file(option: click.Parameter, check: Check) -> None:
    """Make the value of an option the JSON object in the file that it names.

    Args:
        option: Of the command line.
        check: Says what is wrong with the object; None when nothing is.
    """

    def read(_context: click.Context, _option: click.Parameter, path: str | None) -> dict[str, Any] | None:
        if path is None:
            return None
        content = read_object(option.opts[0], path)
        if wrong := check(content):
            raise _unusable(option.opts[0], path, wrong)
        return content

    option.type, option.callback = click.STRING, read


def read_object(option: str, path: str) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        option: The option that names the file, for the message.
        path: The file; ``-`` is standard input.

    Raises:
        ConfigurationError: It cannot be read, or holds something else.
    """
    try:
        with click.open_file(path, "rb") as file:
            content: bytes = file.read()
    except OSError as error:
        raise _unusable(option, path, f"cannot be read: {error.strerror or type(error).__name__}") from None
    if not content.strip():
        raise _unusable(option, path, "is empty")
    value = _parsed(option, path, content)
    if not isinstance(value, dict):
        raise _unusable(option, path, f"is {_KINDS.get(type(value), 'a number')}, not an object")
    if nests_deeply(value):
        raise _unusable(option, path, "nests too deeply")
    return value


def misfit(error: msgspec.ValidationError) -> str:
    """What msgspec says of a value that is not of the type it should be, for people."""
    text = str(error)
    if found := _EXPECTED.fullmatch(text):
        place = found["place"] or "it"
        return f"{place} should be {found['expected'].replace(' | ', ' or ')}, not {found['got']}"
    return text.replace("`", "").replace("$.", "")


def _parsed(option: str, path: str, content: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        # Some shells write files in UTF-16, or in UTF-8 with a mark at the beginning.
        text = content.decode(json.detect_encoding(content))
        return json.loads(mended(text.encode()).decode(), parse_int=_integer, parse_float=Decimal)
    except UnicodeDecodeError:
        raise _unusable(option, path, "is not text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise _unusable(option, path, f"is no JSON from line {error.lineno}, column {error.colno} on") from None
    except RecursionError:
        raise _unusable(option, path, "nests too deeply") from None
    except ArithmeticError:
        raise _unusable(option, path, "holds a number that is too large") from None


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INTEGER else Decimal(text)


def _unusable(option: str, path: str, wrong: str) -> ConfigurationError:
    return ConfigurationError(setting=f"{option} {path}", message=f"{wrong}. {_RIGHT[option]}")
