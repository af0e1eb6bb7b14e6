"""Finds the rows that the key lists of a bulk answer name (B66, Q2)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from planhat_api.bulk.key_case import folded, folded_all
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
        """The row of each entry of a key list; None if it is not known.

        Args:
            entries: The entries.
            new: Whether they are for inserted rows, so that ``_id`` may differ from the one that was sent (B61).
        """
        if not self._index:
            return [None] * len(entries)
        found: list[int | None] = [None] * len(entries)
        if self._alike:
            found = [self._quick_fit(entry) for entry in entries]
        fitting = {
            place: self._fitting(entries[place], new=new) for place, position in enumerate(found) if position is None
        }
        found = [_only(fitting[place]) if place in fitting else position for place, position in enumerate(found)]
        if all(len(rows) <= 1 for rows in fitting.values()):
            return found
        for places in _of_one_record(entries, fitting):
            rows = sorted(set[int]().union(*(fitting[place] for place in places)))
            if len(rows) == len(places):
                # There are as many rows for the record, perhaps with different keys, as it was written: each wrote it.
                for place, row in zip(places, rows, strict=True):
                    found[place] = row
        return found

    def _quick_fit(self, entry: Mapping[str, Any]) -> int | None:
        """The row of an entry, if all rows have keys of the same names; None in doubt.

        The first key identifies the row, and the other keys must agree.
        """
        first, *others = self._index
        value = entry.get(first)
        # An address in another case is in doubt.
        position = self._index[first].get(value, _SEVERAL) if type(value) is str else _SEVERAL
        if position == _SEVERAL:
            return None
        keys = self._rows[position].keys
        for name in others:
            given = entry.get(name)
            if given is not None and given != keys[name]:
                return None
        return position

    def _fitting(self, entry: Mapping[str, Any], *, new: bool) -> set[int]:
        """The rows whose keys an entry has; none if it contradicts a row, or if several rows have one of its keys."""
        found = set()
        for name, positions in self._index.items():
            value = entry.get(name)
            key = value if type(value) is str else key_text(value)
            position = None if key is None else positions.get(folded(name, key))
            if position == _SEVERAL:
                return set()
            if position is not None:
                found.add(position)
        return found if all(_agrees(self._rows[position].keys, entry, new=new) for position in found) else set()


def _only(rows: set[int]) -> int | None:
    return next(iter(rows)) if len(rows) == 1 else None


def _of_one_record(entries: Sequence[Mapping[str, Any]], places: Iterable[int]) -> Iterable[list[int]]:
    """Places of entries, those with the same ``_id`` together."""
    groups: dict[object, list[int]] = {}
    for place in places:
        groups.setdefault(key_text(entries[place].get("_id")) or place, []).append(place)
    return groups.values()


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
    given = {name: key_text(entry[name]) for name in names}
    return all(text is not None and folded(name, text) == folded(name, keys[name]) for name, text in given.items())
