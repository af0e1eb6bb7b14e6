"""Finds the Planhat model of a stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from planhat_api.models.registry import all_models
from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.values.names import folded
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planhat_api.models.registry import Model

__all__ = ["Route", "Way", "find_route", "writable_streams"]


class Way(str, Enum):
    """How the rows of a stream are sent to Planhat."""

    BULK = "bulk"
    SINGLE = "single"
    METRICS = "metrics"
    ACTIVITIES = "activities"
    SEGMENT = "segment"


@dataclass(frozen=True)
class Route:
    """The model of a stream, and the way in which its rows are sent."""

    model: Model
    way: Way


_SEGMENT_NAMES = ("segment", "segment_events")


def _plurals(name: str) -> Iterator[str]:
    yield name
    yield name + "s"
    if name.endswith("ies"):
        yield name[:-3] + "y"
    elif name.endswith("y"):
        yield name[:-1] + "ies"
    if name.endswith("s") and not name.endswith("ss"):
        yield name[:-1]


def _way(model: Model) -> Way | None:
    if model.push:
        return Way.METRICS if model.push_stream else Way.ACTIVITIES
    if "bulk_upsert" in model.operations:
        return Way.BULK
    return Way.SINGLE if "create" in model.operations else None


@cache
def _routes() -> Mapping[str, Route | None]:
    """The route of each accepted name, folded; None for models that can only be read."""
    routes: dict[str, Route | None] = {}
    for model in all_models().values():
        way = _way(model)
        names = [model.stream, model.name, model.push_stream or model.stream]
        if model.view_of is None:
            names.append(model.path)
        for name in names:
            for form in _plurals(folded(name)):
                routes.setdefault(form, Route(model, way) if way else None)
        if "segment" in model.push:
            for name in _SEGMENT_NAMES:
                for form in _plurals(folded(name)):
                    routes.setdefault(form, Route(model, Way.SEGMENT))
    return routes


@cache
def writable_streams() -> tuple[str, ...]:
    """Names of the streams that the target accepts, in alphabetical order."""
    names = {model.push_stream or model.stream for model in all_models().values() if _way(model)}
    return tuple(sorted(names | {_SEGMENT_NAMES[-1]}))


def _candidates(stream: str) -> Iterator[str]:
    """The name itself, the name without a database schema (`public-companies`), and these without `planhat`."""
    parts = re.split(r"[-.]", stream)
    for start in range(len(parts)):
        name = folded("".join(parts[start:]))
        yield name
        if name.startswith("planhat"):
            yield name.removeprefix("planhat")


def find_route(stream: str, wanted: str | None = None) -> Route:
    """The route of a stream.

    Args:
        stream: Its name, e.g. `public-end_users`.
        wanted: Model in the settings of the stream. If given, it decides.

    Raises:
        SettingsError: No model fits. The text lists the streams that exist, and suggests the most similar one.
    """
    name = wanted or stream
    for candidate in (folded(wanted),) if wanted else _candidates(stream):
        if candidate in _routes():
            found = _routes()[candidate]
            if found is None:
                msg = f"stream {stream!r}: {name} can only be read, not written. Leave the stream out in the tap"
                raise SettingsError(msg)
            return found
    near = next(
        (near for candidate in _candidates(name) if (near := closest_name(candidate, writable_streams()))), None
    )
    hint = f" Did you mean {near!r}?" if near else ""
    source = f"streams.{stream}.model {wanted!r}" if wanted else f"stream {stream!r}"
    msg = (
        f"{source} is not a model of Planhat.{hint} Streams that exist: {', '.join(writable_streams())}. "
        f"Name the model in the setting `streams`: {{{stream!r}: {{'model': ...}}}}, or leave it out in the tap."
    )
    raise SettingsError(msg)
