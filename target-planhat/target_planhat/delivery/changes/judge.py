"""Decides what is sent of a row, from the record that Planhat holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from target_planhat.delivery.changes.drift import Drift
from target_planhat.delivery.changes.ownership import is_held_back, owned_in
from target_planhat.delivery.changes.parts import ChangedPart, without
from target_planhat.plan.decision import Decision, Verdict

if TYPE_CHECKING:
    from planhat_api.destination.comparison import Comparison
    from planhat_api.destination.matching import HeldRow, Match
    from planhat_api.destination.quick_comparison import QuickComparison
    from planhat_api.models.registry import Model
    from target_planhat.rows.item import Item, StreamInfo

__all__ = ["Judge", "whole_row"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Judge:
    """Compares the rows of one model with its records in Planhat."""

    def __init__(self, model: Model, comparison: Comparison) -> None:
        """Prepare to compare.

        Args:
            model: The model.
            comparison: Compares values.
        """
        self._comparison = comparison
        self._part = ChangedPart(model)
        self._drift = Drift(comparison)
        self._quick: dict[StreamInfo, QuickComparison | None] = {}

    def decide(self, item: Item, match: Match) -> Decision:
        """Decide about one row.

        Args:
            item: The row.
            match: The record that Planhat would match it with.
        """
        held = match.held
        left_out = None if item.stream.mode == "upsert" else _left_out_by_mode(item, match)
        if left_out is not None:
            return left_out
        if match.is_plain and held is not None and self._is_surely_equal(item, held):
            return Decision(item, Verdict.UNCHANGED, held=held)
        if item.expected is not None:
            return self._drift.decide(item, item.expected, match)
        if match.doubt is not None:
            return replace(whole_row(item, match.doubt), held=held)
        if held is None:
            return Decision(item, Verdict.CREATE, item)
        return self._compared(item, held)

    def _is_surely_equal(self, item: Item, held: HeldRow) -> bool:
        """Whether a row is equal to its record already as bytes, which is several times faster to see."""
        if held.unsure:
            return False
        stream = item.stream
        if stream not in self._quick:
            self._quick[stream] = self._comparison.quick(stream.fields)
        quick = self._quick[stream]
        return quick is not None and quick.is_equal(held.body, item.body)

    def _compared(self, item: Item, held: HeldRow) -> Decision:
        """Decide about a row for a record that exists."""
        body = _decode(item.body)
        unsure = held.unsure_in(body)
        differences = self._comparison.differences(held.values, body, unsure)
        if not differences:
            return Decision(item, Verdict.UNCHANGED, held=held)
        ownership = item.stream.ownership
        held_back: tuple[str, ...] = ()
        if ownership:
            held_back = tuple(one.field for one in differences if is_held_back(one, unsure, ownership))
        sent = [one for one in differences if one.field not in held_back] if held_back else differences
        if not sent:
            return Decision(item, Verdict.HELD_BACK, held=held, held_back=held_back)
        return Decision(
            item,
            Verdict.UPDATE,
            self._part.of(item, body, held, [one.field for one in sent], held_back),
            held,
            before={one.field: one.held for one in sent},
            held_back=held_back,
            doubts={one.field: one.doubt for one in sent if one.doubt is not None},
        )


def whole_row(item: Item, reason: str) -> Decision:
    """The decision about a row of which it cannot be told what it does: all but the fields of people is sent."""
    if not item.stream.ownership:
        return Decision(item, Verdict.AMBIGUOUS, item, reason=reason)
    body = _decode(item.body)
    held_back = owned_in(body, item.stream.ownership, item.keys)
    row = without(item, body, held_back) if held_back else item
    return Decision(item, Verdict.AMBIGUOUS, row, held_back=held_back, reason=reason)


def _left_out_by_mode(item: Item, match: Match) -> Decision | None:
    """The decision about a row that the mode of its stream leaves out; None for any other row."""
    creates, exists = item.stream.mode == "insert", match.held is not None
    if exists and match.doubt is not None:
        return Decision(item, Verdict.REJECTED, reason=match.doubt)
    if exists and creates:
        return Decision(item, Verdict.SKIPPED, held=match.held, reason="it is in Planhat already")
    if not exists and not creates:
        return Decision(item, Verdict.SKIPPED, reason="it is not in Planhat")
    return None
