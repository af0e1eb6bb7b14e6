"""Describes where an expression is in the settings, for messages. It contains no values of records."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONFIG", "FILTER", "MAP_CONFIG", "STREAM_MAPS", "Location", "shown"]

STREAM_MAPS = "stream_maps"
"""The setting that holds stream maps."""
MAP_CONFIG = "stream_map_config"
"""The setting whose values expressions may use."""
CONFIG = "config"
"""The name of these values in expressions."""
FILTER = "__filter__"
"""The key in a stream map whose expression decides which records to keep."""

_MOST_SHOWN = 120


@dataclass(frozen=True)
class Location:
    """Where an expression is in the settings.

    Attributes:
        stream: The stream that the map makes.
        source: The stream of the records.
        prop: The property that the expression makes, or `__filter__`.
        text: The expression.
    """

    stream: str
    source: str
    prop: str
    text: str

    def told(self, what: str) -> str:
        """A message with the location of the expression and what is wrong."""
        made = f"stream {self.stream!r}" + ("" if self.stream == self.source else f" made of {self.source!r}")
        return f"{made}, property {self.prop!r}, expression {shown(self.text)}: {what}"


def shown(text: str) -> str:
    """An expression, or a part of one, for a message: on one line, not too long."""
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")
