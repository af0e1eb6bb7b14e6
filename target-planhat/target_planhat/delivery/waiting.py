"""Keeps rows whose company is not in Planhat yet, until the companies of the run are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planhat_api.bulk.call_groups import MOST_GROUPS, may_be_one_record
from planhat_api.bulk.key_case import folded, folded_keys
from target_planhat.delivery.model_order import rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planhat_api import Outcome
    from target_planhat.delivery.channels import Channel
    from target_planhat.rows.item import Item

    _Names = tuple[str, tuple[str, ...]]
    """A model, and the names of the keys that a row carries."""

__all__ = ["WaitingRows"]


class _Waiting(NamedTuple):
    """A row that waits, its channel, and its outcome if its company does not come."""

    channel: Channel
    item: Item
    outcome: Outcome


class WaitingRows:
    """Rows that wait, in the order of the input. Their number is limited, because no STATE is written meanwhile."""

    def __init__(self, limit: int) -> None:
        """Start without rows."""
        self._limit = limit
        self._closed = False
        self._waiting: dict[int, _Waiting] = {}
        self._next = 0
        self._records = 0
        self._by_mark: dict[object, set[int]] = {}
        # Rows with these key names that waited before this place may be overtaken: a later row may be for their record.
        self._overtaken: dict[_Names, int] = {}

    def __len__(self) -> int:
        """Records that wait."""
        return self._records

    def has_room_for(self, item: Item) -> bool:
        """Whether a row can wait."""
        return not self._closed and self._records + _records(item) <= self._limit

    def hold(self, channel: Channel, item: Item, outcome: Outcome) -> bool:
        """Let a row wait. False if the limit is reached, or if all rows were released.

        Args:
            channel: The channel it was sent through.
            item: The row.
            outcome: Its outcome if its company does not come.
        """
        if not self.has_room_for(item):
            return False
        self._waiting[self._next] = _Waiting(channel, item, outcome)
        for mark in _marks(item):
            self._by_mark.setdefault(mark, set()).add(self._next)
        if item.keys:
            self._overtaken.setdefault(_names(item), 0)
        self._next += 1
        self._records += _records(item)
        return True

    def release_same_records(self, items: Iterable[Item]) -> list[Item]:
        """Remove and return the rows of the same records as these rows, so that later rows are not sent before them.

        Rows that were overtaken stay, because they must not be sent any more.
        """
        places = {place for item in items for place in self._of_one_record(item)}
        return [self._remove(place) for place in sorted(places) if not self._is_overtaken(place)]

    def note_stored(self, item: Item) -> None:
        """Mark the rows that a stored row may have overtaken. If they were sent later, they might undo it."""
        for place in self._of_one_record(item):
            self._waiting[place].item.overtaken = True
        if item.keys:
            path, names = _names(item)
            for other in self._overtaken:
                if other[0] == path and may_be_one_record(names, other[1]):
                    self._overtaken[other] = self._next

    def release_all(self) -> Iterator[tuple[Channel, list[tuple[Item, Outcome]]]]:
        """Remove and return all rows with their outcomes, by channel, parents first. From now on no row can wait."""
        self._closed = True
        released: dict[Channel, list[tuple[Item, Outcome]]] = {}
        for place, waiting in [*self._waiting.items()]:
            released.setdefault(waiting.channel, []).append((self._remove(place), waiting.outcome))
        yield from sorted(released.items(), key=lambda entry: rank(entry[0].model))

    def _is_overtaken(self, place: int) -> bool:
        item = self._waiting[place].item
        return item.overtaken or (bool(item.keys) and place < self._overtaken[_names(item)])

    def _remove(self, place: int) -> Item:
        overtaken = self._is_overtaken(place)
        item = self._waiting.pop(place).item
        self._records -= _records(item)
        for mark in _marks(item):
            self._by_mark[mark].discard(place)
            if not self._by_mark[mark]:
                del self._by_mark[mark]
        item.overtaken = overtaken
        return item

    def _of_one_record(self, item: Item) -> set[int]:
        found: set[int] = set()
        for mark in _marks(item):
            places = self._by_mark.get(mark, set())
            # A key that very many rows share does not identify a record.
            if mark == _match(item) or len(places) <= MOST_GROUPS:
                found |= {place for place in places if _share_record(self._waiting[place].item, item)}
        return found


def _records(item: Item) -> int:
    return len(item.parts) or 1


def _match(item: Item) -> object:
    return item.stream.model.path, item.match


def _marks(item: Item) -> set[object]:
    """What all rows of one record have in common. Metric points have nothing that identifies them."""
    if not item.stream.merges_by_key or item.match is None:
        return set()
    return {_match(item), *((item.stream.model.path, form) for form in folded_keys(item))}


def _names(item: Item) -> _Names:
    """The model of a row and the names of its keys."""
    return item.stream.model.path, tuple(item.keys) if item.stream.merges_by_key else ()


def _share_record(one: Item, other: Item) -> bool:
    """Whether two rows with a common key are for one record. Their first common key and their company decide."""
    if one.match is None or other.match is None or one.match == other.match:
        return True
    if one.match[0] == other.match[0] and len(one.match) == len(other.match):
        return False
    name = next(name for name in one.keys if name in other.keys)
    return folded(name, one.keys[name]) == folded(name, other.keys[name])
