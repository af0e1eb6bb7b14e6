"""The partitions of a run as runs of the tap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_planhat.pieces.keys import dimension_of
from dagster_planhat.pieces.windows import Days, consecutive, days_of_window

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from dagster_planhat.pieces.windows import WindowSize

__all__ = ["Piece", "pieces_of"]


@dataclass(frozen=True)
class Piece:
    """One run of the tap.

    Attributes:
        dimensions: Their ids.
        days: The days that are read. None of them is in the future.
    """

    dimensions: tuple[str, ...]
    days: Days


def pieces_of(partitions: Iterable[tuple[str, str]], size: WindowSize, today: date) -> list[Piece]:
    """The fewest runs of the tap that read what these partitions stand for, and nothing else.

    Windows of a dimension that follow each other are read in one run, and so are dimensions with the same days. Windows
    that have not ended are cut at today; those that have not begun are left out.

    Args:
        partitions: For each partition the key of its dimension and that of its window.
        size: How long a window is.
        today: The present day, in UTC.

    Raises:
        ValueError: A key is not one.
    """
    windows: dict[str, list[Days]] = {}
    for key, window in partitions:
        if days := days_of_window(window, size).until(today):
            windows.setdefault(dimension_of(key), []).append(days)
    dimensions: dict[Days, list[str]] = {}
    for dimension, found in windows.items():
        for span in consecutive(found):
            dimensions.setdefault(span, []).append(dimension)
    return [Piece(tuple(sorted(ids)), span) for span, ids in sorted(dimensions.items())]
