"""Finds the rows that the key lists of a bulk answer name (B66, Q2)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from planhat_api.apart import folded, folded_all
from planhat_api.jsontext import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planhat_api.row import Row

__all__ = ["NamedRows"]

# Key name, key, position of the row that carries it.
_Index = dict[str, dict[str, int]]
_SEVERAL = -1


class NamedRows:
    """The rows of one call, by their keys."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Index the rows."""
        self._rows = rows
        names = rows[0].keys.keys() if rows else ()
        # A list takes half the time of a generator.
        self._alike = all([row.keys.keys() == names for row in rows])  # noqa: C419
        self._index = self._of_like_rows() if self._alike else self._of_any_rows()

    def _of_like_rows(self) -> _Index:
        first = self._rows[0].keys if self._rows else {}
        return {name: _positions(folded_all(name, [row.keys[name] for row in self._rows])) for name in first}

    def _of_any_rows(self) -> _Index:
        index: _Index = {}
        for position, row in enumerate(self._rows):
            for name, given in row.keys.items():
                positions = index.setdefault(name, {})
                value = folded(name, given)
                positions[value] = _SEVERAL if value in positions else position
        return index

    def meant_by(self, entries: Sequence[Mapping[str, Any]], *, new: bool) -> list[int | None]:
        """The row each entry of a key list means.

        Args:
            entries: The entries.
            new: They are of rows that were inserted, so that ``_id`` need not be the one that was sent (B61).
        """
        if not self._index:
            return [None] * len(entries)
        if not self._alike:
            return [self._meant(entry, new=new) for entry in entries]
        # Rows with the same keys cannot contradict each other: the first key names the row, the others must agree.
        first, *others = self._index
        positions = self._index[first]
        found: list[int | None] = []
        for entry in entries:
            value = entry.get(first)
            # An address in other case is looked for by `_meant`.
            position = positions.get(value, _SEVERAL) if type(value) is str else _SEVERAL
            keys = self._rows[position].keys
            for name in others:
                told = entry.get(name)
                if told is not None and told != keys[name]:
                    position = _SEVERAL
            found.append(self._meant(entry, new=new) if position == _SEVERAL else position)
        return found

    def _meant(self, entry: Mapping[str, Any], *, new: bool) -> int | None:
        """The one row whose keys an entry carries; None when there is no such row, or several."""
        meant = None
        for name, positions in self._index.items():
            value = entry.get(name)
            key = value if type(value) is str else text_of(value)
            if key is None:
                continue
            position = positions.get(folded(name, key))
            if position is None:
                continue
            if position == _SEVERAL or meant not in {None, position}:
                return None
            meant = position
        if meant is None or _agrees(self._rows[meant].keys, entry, new=new):
            return meant
        return None


def _positions(values: list[str]) -> dict[str, int]:
    positions = dict(zip(values, range(len(values)), strict=True))
    if len(positions) < len(values):
        for value, count in Counter(values).items():
            if count > 1:
                positions[value] = _SEVERAL
    return positions


def _agrees(keys: Mapping[str, str], entry: Mapping[str, Any], *, new: bool) -> bool:
    if len(keys) == 1:
        return True
    names = [name for name in keys if entry.get(name) is not None and not (new and name == "_id")]
    told = {name: text_of(entry[name]) for name in names}
    return all(text is not None and folded(name, text) == folded(name, keys[name]) for name, text in told.items())
