"""Says where an expression stands, for messages. What it shows comes from settings, never from a record."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONFIG", "FILTER", "MAP_CONFIG", "STREAM_MAPS", "Location", "shown"]

STREAM_MAPS = "stream_maps"
"""The setting that holds stream maps."""
MAP_CONFIG = "stream_map_config"
"""The setting whose values expressions may use."""
CONFIG = "config"
"""What expressions call it."""
FILTER = "__filter__"
"""What stands in a stream map in location of a property for the expression that says which records to keep."""

_MOST_SHOWN = 120


@dataclass(frozen=True)
class Location:
    """Where an expression stands.

    Attributes:
        stream: The stream the map makes.
        source: The stream its records come from.
        prop: The property the expression makes, or `__filter__`.
        text: The expression.
    """

    stream: str
    source: str
    prop: str
    text: str

    def told(self, what: str) -> str:
        """What is wrong with the expression, and where it stands."""
        made = f"stream {self.stream!r}" + ("" if self.stream == self.source else f" made of {self.source!r}")
        return f"{made}, property {self.prop!r}, expression {shown(self.text)}: {what}"


def shown(text: str) -> str:
    """An expression, or a part of one, for a message: on one line, not too long."""
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")
