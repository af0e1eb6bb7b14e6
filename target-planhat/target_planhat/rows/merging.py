"""Makes one row of the rows of one record, where that has the effect of sending them one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from planhat_api.bulk.call_groups import may_be_one_record
from planhat_api.bulk.key_case import folded_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_planhat.rows.item import Item

__all__ = ["collapse", "merged"]


def collapse(items: list[Item]) -> list[Item]:
    """Keep one row for each key: the last, with what only earlier ones say.

    Rows stay apart when a row comes between that may mean the same record by another key, when only one of them is
    deleted, and when their streams have different modes: whether those will be carried out is not known yet. Of rows
    that are only inserted the first one counts, so they stay apart as well.
    """
    matches = [item.match for item in items]
    if None not in matches and len(set(matches)) == len(items):
        return items
    chains = _Chains()
    for item in items:
        chains.add(item)
    return [merged(chain.items) for chain in sorted(chains.all, key=lambda chain: chain.place)]


def merged(items: Sequence[Item]) -> Item:
    """One row with the effect of rows of one key that are sent one after the other."""
    records = [part for item in items for part in (item.parts or (item,))]
    last = records[-1]
    if len(records) == 1:
        return last
    if last.delete:
        return replace(last, parts=records)
    keys = {name: value for record in records for name, value in record.keys.items()}
    return replace(last, body=_body(item.body for item in items), keys=keys, parts=records)


def _body(bodies: Iterable[bytes]) -> bytes:
    """Later values win; `custom` merges by its keys (B48)."""
    whole: dict[str, Any] = {}
    for body in bodies:
        row: dict[str, Any] = msgspec.json.decode(body)
        if isinstance(whole.get("custom"), dict) and isinstance(row.get("custom"), dict):
            row["custom"] = {**whole["custom"], **row["custom"]}
        whole.update(row)
    return msgspec.json.encode(whole)


class _Chain:
    """Rows that become one.

    Attributes:
        items: The rows, in order.
        place: Place of the last one.
        names: The sets of key names they carry.
        closed: Whether a row that came after them may mean the same record.
    """

    __slots__ = ("closed", "items", "names", "place")

    def __init__(self) -> None:
        """Hold none yet."""
        self.items: list[Item] = []
        self.place = -1
        self.names: set[tuple[str, ...]] = set()
        self.closed = False


class _Chains:
    """Gathers rows in chains.

    Attributes:
        all: The chains.
    """

    def __init__(self) -> None:
        """Hold none yet."""
        self.all: list[_Chain] = []
        self._by_match: dict[tuple[str, ...], _Chain] = {}
        self._by_key: dict[tuple[str, str], _Chain] = {}
        self._latest: dict[tuple[str, ...], int] = {}
        self._place = 0

    def add(self, item: Item) -> None:
        """Add the next row to the chain of its key, or begin one."""
        chain = self._by_match.get(item.match) if item.match is not None else None
        if chain is None or not self._takes(chain, item):
            chain = _Chain()
            self.all.append(chain)
        for form in folded_keys(item):
            other = self._by_key.get(form, chain)
            other.closed = other.closed or other is not chain
            self._by_key[form] = chain
        chain.items.append(item)
        chain.place = self._place
        if item.match is not None:
            self._by_match[item.match] = chain
        if item.keys:
            names = tuple(item.keys)
            chain.names.add(names)
            self._latest[names] = self._place
        self._place += 1

    def _takes(self, chain: _Chain, item: Item) -> bool:
        last = chain.items[-1]
        if chain.closed or last.delete != item.delete or not (last.mode == item.mode != "insert"):
            return False
        return not any(
            place > chain.place and any(may_be_one_record(own, names) for own in chain.names)
            for names, place in self._latest.items()
        )
