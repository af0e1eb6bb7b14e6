"""Reads the files that options of the command line name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from planhat_api.plugin.files import read_object, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import msgspec

    Check = Callable[[Mapping[str, Any]], str | None]

_EXPECTED = re.compile(r"Expected `(?P<expected>.*)`, got `(?P<got>.*?)`(?: - at `\$\.?(?P<path>.*)`)?")


def read_file_option(option: click.Parameter, check: Check) -> None:
    """Make an option return the JSON object in the file that it names.

    Args:
        option: The option of the command line.
        check: Returns what is wrong with the object; None if nothing is wrong.
    """

    def read(_context: click.Context, _option: click.Parameter, path: str | None) -> dict[str, Any] | None:
        if path is None:
            return None
        content = read_object(option.opts[0], path, exact=True)
        if wrong := check(content):
            raise unusable(option.opts[0], path, wrong)
        return content

    option.type, option.callback = click.STRING, read


def type_error_text(error: msgspec.ValidationError) -> str:
    """The message of msgspec about a value of the wrong type, in plain words."""
    text = str(error)
    if found := _EXPECTED.fullmatch(text):
        path = found["path"] or "it"
        return f"{path} should be {found['expected'].replace(' | ', ' or ')}, not {found['got']}"
    return text.replace("`", "").replace("$.", "")
