"""Holds back rows whose company is not in Planhat yet, until the companies of the run are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_planhat.order import rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planhat_api.registry import Model
    from target_planhat.row import Item
    from target_planhat.sink import PlanhatSink

__all__ = ["HeldRows", "may_lack_company"]


def may_lack_company(model: Model, item: Item, reason: str) -> bool:
    """Whether a row may have been rejected because its company is missing.

    The wording of Planhat's errors is unknown (Q1): a reason that speaks of another field of the row, and of no
    company, rules it out; any other does not.
    """
    if model.company is None:
        return False
    field = model.company.removesuffix("[]")
    body = msgspec.json.decode(item.body)
    if not body.get(field):
        return False
    said = reason.lower()
    if "compan" in said or field.lower() in said:
        return True
    return not any(name.lower() in said for name in model.properties if name not in {field, "_id"})


class HeldRows:
    """Rows that wait, one for each key. STATE waits with them, so no more than a number of them are held."""

    def __init__(self, limit: int) -> None:
        """Hold none yet."""
        self._limit = limit
        self._waiting: dict[object, tuple[PlanhatSink, Item]] = {}

    def __len__(self) -> int:
        """Rows that wait."""
        return len(self._waiting)

    def hold(self, sink: PlanhatSink, item: Item) -> bool:
        """Hold a row back; False when it was held before, or no more are held."""
        if item.held or len(self._waiting) >= self._limit:
            return False
        item.held = True
        key = _key(sink, item)
        owner, earlier = self._waiting.pop(key, (sink, None))
        if earlier is not None and owner.stream_name == sink.stream_name:
            item.absorb(earlier)
        elif earlier is not None:
            self._waiting[earlier] = owner, earlier
        self._waiting[key] = sink, item
        return True

    def take(self, sink: PlanhatSink, items: Iterable[Item]) -> dict[PlanhatSink, list[Item]]:
        """Let the rows go that have a key of these, by the sink they came in: what comes later must not go before."""
        taken: dict[PlanhatSink, list[Item]] = {}
        for item in items:
            owner, earlier = self._waiting.pop(_key(sink, item), (sink, None))
            if earlier is not None:
                taken.setdefault(owner, []).append(earlier)
        return taken

    def release(self) -> Iterator[tuple[PlanhatSink, list[Item]]]:
        """Let all rows go, by sink, parents first."""
        waiting, self._waiting = list(self._waiting.values()), {}
        for sink in sorted(dict.fromkeys(sink for sink, _ in waiting), key=lambda sink: rank(sink.model)):
            yield sink, [item for owner, item in waiting if owner is sink]


def _key(sink: PlanhatSink, item: Item) -> object:
    """Rows of one key are one record only where a key names one; points are told apart from each other by nothing."""
    return (sink.model.path, item.match) if sink.collapses and item.match is not None else item
