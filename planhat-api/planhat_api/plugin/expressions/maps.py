"""Checks all stream maps of a plugin before the first record."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from planhat_api.errors import ConfigurationError
from planhat_api.plugin.expressions.check import problem_of
from planhat_api.plugin.expressions.location import FILTER, STREAM_MAPS, Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from planhat_api.plugin.expressions.check import Columns, Evaluator

__all__ = ["check_maps", "check_stream", "unused_maps"]

_NULL = "__NULL__"
_SOURCE = "__source__"
_OPTIONS = {"__alias__", "__else__", "__key_properties__", _SOURCE}
_MOST_PROBLEMS = 5


def check_maps(maps: Mapping[str, Any], evaluator: Evaluator) -> None:
    """Check everything that does not depend on the columns of a stream.

    Args:
        maps: The setting `stream_maps`.
        evaluator: The functions and names of expressions.

    Raises:
        ConfigurationError: An expression can never work.
    """
    locations = (location for key, definition in maps.items() for location in _locations(key, key, definition))
    _check(locations, None, evaluator)


def check_stream(stream: str, columns: Columns, maps: Mapping[str, Any], evaluator: Evaluator) -> None:
    """Check all expressions that apply to the records of a stream.

    Args:
        stream: Name of the stream, before any map.
        columns: Its columns.
        maps: The setting `stream_maps`.
        evaluator: The functions and names of expressions.

    Raises:
        ConfigurationError: An expression can never work.
    """
    taken = ((key, definition) for key, definition in maps.items() if _takes(key, definition, stream))
    _check(
        (location for key, definition in taken for location in _locations(key, stream, definition)), columns, evaluator
    )


def unused_maps(maps: Mapping[str, Any], streams: Iterable[str]) -> list[str]:
    """The streams in maps that do not exist."""
    there = list(streams)
    return [
        _source(key, definition)
        for key, definition in maps.items()
        if key not in _OPTIONS and not any(_takes(key, definition, stream) for stream in there)
    ]


def _source(key: str, definition: object) -> str:
    """The stream to which a map applies."""
    return str(definition.get(_SOURCE, key)) if isinstance(definition, dict) else key


def _takes(key: str, definition: object, stream: str) -> bool:
    """Whether a map applies to the records of a stream."""
    source = _source(key, definition)
    return source == stream or fnmatch(stream, source)


def _locations(key: str, stream: str, definition: object) -> Iterator[Location]:
    for prop, text in definition.items() if isinstance(definition, dict) else ():
        if prop not in _OPTIONS and isinstance(text, str) and (text != _NULL or prop == FILTER):
            yield Location(key, stream, prop, text)


def _check(locations: Iterable[Location], columns: Columns | None, evaluator: Evaluator) -> None:
    told = [
        location.told(problem)
        for location in locations
        if (problem := problem_of(location.text, location.prop, columns, evaluator)) is not None
    ]
    if told:
        more = [f"and {len(told) - _MOST_PROBLEMS} more"] if len(told) > _MOST_PROBLEMS else []
        raise ConfigurationError(STREAM_MAPS, "; ".join([*told[:_MOST_PROBLEMS], *more]))
