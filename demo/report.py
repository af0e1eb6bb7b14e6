"""Tables for a terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["table"]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lines of a table, the first column to the left, the others to the right."""
    body = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(_width(row[column]) for row in [list(head), *body]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)]
        others = [gap + cell for gap, cell in zip(gaps[1:], cells[1:], strict=True)]
        return "  " + "  ".join([cells[0] + gaps[0], *others])

    return "\n".join([line(list(head)), line(["-" * width for width in widths]), *map(line, body)])


def _width(text: str) -> int:
    """Columns that a text takes on a terminal: emoji take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "FW" else 1 for character in text)
