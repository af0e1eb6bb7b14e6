"""Merges rows of the same record, if that has the same effect as sending them one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from planhat_api.bulk.call_groups import may_be_one_record
from planhat_api.bulk.key_case import folded_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_planhat.rows.item import Item

__all__ = ["merge_by_key", "merged"]


def merge_by_key(items: list[Item]) -> list[Item]:
    """Merge the rows with the same key into the last of them, with the values that only earlier rows have.

    Rows are not merged if a row between them may be for the same record by another key, if only one of them is a
    delete, or if their streams have different modes, because it is not known yet which of them will be sent. Nor are
    rows merged if their streams have different rules of ownership, because one rule decides about a field. Rows with
    the mode insert are not merged either, because the first of them counts.
    """
    matches = [item.match for item in items]
    if None not in matches and len(set(matches)) == len(items):
        return items
    groups = _Groups()
    for item in items:
        groups.add(item)
    return [merged(group.items) for group in sorted(groups.all, key=lambda group: group.place)]


def merged(items: Sequence[Item]) -> Item:
    """One row with the same effect as these rows with one key sent one after the other."""
    records = [part for item in items for part in (item.parts or (item,))]
    last = records[-1]
    if len(records) == 1:
        return last
    if last.delete:
        return replace(last, parts=records)
    keys = {name: value for record in records for name, value in record.keys.items()}
    return replace(last, body=_body(item.body for item in items), keys=keys, parts=records)


def _body(bodies: Iterable[bytes]) -> bytes:
    """The merged body. Later values win. The members of `custom` are merged one by one (B48)."""
    whole: dict[str, Any] = {}
    for body in bodies:
        row: dict[str, Any] = msgspec.json.decode(body)
        if isinstance(whole.get("custom"), dict) and isinstance(row.get("custom"), dict):
            row["custom"] = {**whole["custom"], **row["custom"]}
        whole.update(row)
    return msgspec.json.encode(whole)


class _Group:
    """Rows that are merged into one.

    Attributes:
        items: The rows, in order.
        place: Place of the last row.
        names: The names of the keys of each row.
        closed: Whether a later row with another key may be for the same record.
    """

    __slots__ = ("closed", "items", "names", "place")

    def __init__(self) -> None:
        """Start empty."""
        self.items: list[Item] = []
        self.place = -1
        self.names: set[tuple[str, ...]] = set()
        self.closed = False


class _Groups:
    """Collects rows in groups.

    Attributes:
        all: The groups.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.all: list[_Group] = []
        self._by_match: dict[tuple[str, ...], _Group] = {}
        self._by_key: dict[tuple[str, str], _Group] = {}
        self._latest: dict[tuple[str, ...], int] = {}
        self._place = 0

    def add(self, item: Item) -> None:
        """Add the next row to the group of its key, or to a new group."""
        group = self._by_match.get(item.match) if item.match is not None else None
        if group is None or not self._can_add(group, item):
            group = _Group()
            self.all.append(group)
        for form in folded_keys(item):
            other = self._by_key.get(form, group)
            other.closed = other.closed or other is not group
            self._by_key[form] = group
        group.items.append(item)
        group.place = self._place
        if item.match is not None:
            self._by_match[item.match] = group
        if item.keys:
            names = tuple(item.keys)
            group.names.add(names)
            self._latest[names] = self._place
        self._place += 1

    def _can_add(self, group: _Group, item: Item) -> bool:
        last = group.items[-1]
        if group.closed or last.delete != item.delete or not (last.mode == item.mode != "insert"):
            return False
        if last.stream is not item.stream and last.stream.ownership != item.stream.ownership:
            return False
        return not any(
            place > group.place and any(may_be_one_record(own, names) for own in group.names)
            for names, place in self._latest.items()
        )
