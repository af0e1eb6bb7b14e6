"""Makes a short fingerprint of the settings that change what a stream writes, for the state."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["output_fingerprint"]

_DIGITS = 12
_FOR_ALL_MAPS = ("stream_map_config", "faker_config")
_FLATTENING = ("flattening_enabled", "flattening_max_depth", "flattening_max_key_length", "flattening_separator")


def output_fingerprint(
    stream: str, others: Collection[str], columns: Collection[str] | None, config: Mapping[str, Any]
) -> str:
    """A text that stays the same as long as each row would be written in the same form.

    Args:
        stream: Name of the stream.
        others: Names of all streams. Stream maps of other streams do not count.
        columns: The selected columns; None for all.
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
    """The stream that an entry of the stream maps belongs to, if it belongs to only one."""
    return made.get("__source__", name) if isinstance(made, dict) else name
