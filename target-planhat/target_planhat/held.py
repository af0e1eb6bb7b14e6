"""Holds back rows whose company is not in Planhat yet, until the companies of the run are in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from target_planhat.order import rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planhat_api.registry import Model
    from target_planhat.fates import Verdict
    from target_planhat.row import Item

__all__ = ["HeldRows", "may_lack_company"]

_WORD = re.compile(r"\w+")


def may_lack_company(model: Model, item: Item, reason: str) -> bool:
    """Whether a row may have been rejected because its company is missing.

    The wording of Planhat's errors is unknown (Q1): a reason that speaks of another field of the row, and of no
    company, rules it out; any other does not.
    """
    if model.company is None:
        return False
    field = model.company.removesuffix("[]")
    body = msgspec.json.decode(item.body)
    if not any(body.get(name) for name in (model.placing.fields if model.placing else (field,))):
        # The domain of an address may belong to a company that is still to come (B86).
        return model.placing is not None and bool(body.get(model.placing.address))
    said = reason.lower()
    words = set(_WORD.findall(said))
    if "compan" in said or field.lower() in words:
        return True
    return not any(name.lower() in words for name in model.properties if name not in {field, "_id"})


class HeldRows:
    """Rows that wait, one for each key. STATE waits with them, so no more than a number of them are held."""

    def __init__(self, limit: int) -> None:
        """Hold none yet."""
        self._limit = limit
        self._waiting: dict[object, tuple[Item, Verdict]] = {}

    def __len__(self) -> int:
        """Rows that wait."""
        return len(self._waiting)

    def hold(self, item: Item, verdict: Verdict) -> bool:
        """Hold a row back; False when it was held before, or no more are held.

        Args:
            item: The row.
            verdict: What becomes of it when nothing it waits for comes.
        """
        if item.held or len(self._waiting) >= self._limit:
            return False
        item.held = True
        key = _key(item)
        earlier = self._waiting.pop(key, None)
        if earlier is not None and earlier[0].mode == item.mode:
            item.absorb(earlier[0])
        elif earlier is not None:
            self._waiting[earlier[0]] = earlier
        self._waiting[key] = item, verdict
        return True

    def take(self, items: Iterable[Item]) -> list[Item]:
        """Let the rows go that have a key of these: what comes later must not go before."""
        found = (self._waiting.pop(_key(item), None) for item in items)
        return [held[0] for held in found if held is not None]

    def release(self) -> Iterator[list[tuple[Item, Verdict]]]:
        """Let all rows go with their verdicts, by batch, parents first."""
        waiting, self._waiting = list(self._waiting.values()), {}
        batches = {item.sink.batch: item.sink.model for item, _ in waiting}
        for batch in sorted(batches, key=lambda batch: rank(batches[batch])):
            yield [(item, verdict) for item, verdict in waiting if item.sink.batch is batch]


def _key(item: Item) -> object:
    """Rows of one key are one record only where a key names one; points are told apart from each other by nothing."""
    collapses = item.sink.collapses and item.match is not None
    return (item.sink.model.path, item.match) if collapses else item
