"""Has the options of the command line that name files bring what is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from planhat_api.plugin.files import read_object, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import msgspec

    Check = Callable[[Mapping[str, Any]], str | None]

_EXPECTED = re.compile(r"Expected `(?P<expected>.*)`, got `(?P<got>.*?)`(?: - at `\$\.?(?P<place>.*)`)?")


def names_file(option: click.Parameter, check: Check) -> None:
    """Make the value of an option the JSON object in the file that it names.

    Args:
        option: Of the command line.
        check: Says what is wrong with the object; None when nothing is.
    """

    def read(_context: click.Context, _option: click.Parameter, path: str | None) -> dict[str, Any] | None:
        if path is None:
            return None
        content = read_object(option.opts[0], path, exact=True)
        if wrong := check(content):
            raise unusable(option.opts[0], path, wrong)
        return content

    option.type, option.callback = click.STRING, read


def misfit(error: msgspec.ValidationError) -> str:
    """What msgspec says of a value that is not of the type it should be, for people."""
    text = str(error)
    if found := _EXPECTED.fullmatch(text):
        place = found["place"] or "it"
        return f"{place} should be {found['expected'].replace(' | ', ' or ')}, not {found['got']}"
    return text.replace("`", "").replace("$.", "")
