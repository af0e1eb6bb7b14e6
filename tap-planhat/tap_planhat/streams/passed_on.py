"""Tells which part of its rows a stream passes on, in few letters for the state."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["part_passed_on"]

_DIGITS = 12
_FOR_ALL_MAPS = ("stream_map_config", "faker_config")
_FLATTENING = ("flattening_enabled", "flattening_max_depth", "flattening_max_key_length", "flattening_separator")


def part_passed_on(
    stream: str, others: Collection[str], columns: Collection[str] | None, config: Mapping[str, Any]
) -> str:
    """The same text as long as each row would be passed on in the same form.

    Args:
        stream: Name of the stream.
        others: Names of all streams. Stream maps of another one do not count.
        columns: Columns that are selected; None for all.
        config: The settings.
    """
    maps = {
        name: made
        for name, made in (config.get("stream_maps") or {}).items()
        if _source_of(name, made) == stream or _source_of(name, made) not in others
    }
    counts: dict[str, Any] = {"columns": None if columns is None else sorted(columns), "maps": maps}
    if maps:
        counts |= {name: config.get(name) for name in _FOR_ALL_MAPS}
    if config.get("flattening_enabled"):
        counts |= {name: config.get(name) for name in _FLATTENING}
    return hashlib.sha256(msgspec.json.encode(counts, order="deterministic")).hexdigest()[:_DIGITS]


def _source_of(name: str, made: object) -> str:
    """The stream that an entry of the stream maps is about, if it is about one alone."""
    return made.get("__source__", name) if isinstance(made, dict) else name
