"""Decides about rows of a plan: each is sent as it is, if its record is as the plan expects it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.plan.decision import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.destination.comparison import Comparison, Difference
    from planhat_api.destination.matching import HeldRow, Match
    from target_planhat.record_line import Expectation
    from target_planhat.rows.item import Item

__all__ = ["Drift"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_NOT_TOLD = "when the plan was made, it could not be told what Planhat would do with the row"
_GONE = "the record is no longer in Planhat"
_THERE = "the record is in Planhat meanwhile"
_OTHER_RECORD = "the key now belongs to another record"


class Drift:
    """Compares the records of one model with what a plan expects."""

    def __init__(self, comparison: Comparison) -> None:
        """Take what compares values."""
        self._comparison = comparison

    def decide(self, item: Item, expected: Expectation, match: Match) -> Decision:
        """Decide about one row.

        Args:
            item: The row.
            expected: What the plan expects.
            match: The record that Planhat would match the row with.
        """
        held = match.held
        if expected.action == "send":
            return Decision(item, Verdict.AMBIGUOUS, item, held, reason=match.doubt or _NOT_TOLD)
        if held is None:
            is_expected = match.doubt is None and expected.action == "create"
            return Decision(item, Verdict.CREATE, item) if is_expected else _drifted(item, held, match.doubt or _GONE)
        body = _decode(item.body)
        differences = self._comparison.differences(held.values, body, held.unsure_in(body))
        if not differences and match.doubt is None:
            return Decision(item, Verdict.UNCHANGED, held=held)
        reason = match.doubt or self._why_drifted(held, expected, differences)
        if reason is not None:
            return _drifted(item, held, reason)
        before = {one.field: one.held for one in differences}
        doubts = {one.field: one.doubt for one in differences if one.doubt is not None}
        return Decision(item, Verdict.UPDATE, item, held, before=before, doubts=doubts)

    def _why_drifted(self, held: HeldRow, expected: Expectation, differences: Sequence[Difference]) -> str | None:
        """Why the record is not as expected. A field that already has the value of the plan is."""
        if expected.action == "create":
            return _THERE
        if held.planhat_id != expected.planhat_id:
            return _OTHER_RECORD
        moved = [one.field for one in differences if self._has_moved(held, one.field, expected)]
        return f"changed in Planhat since the plan was made: {', '.join(moved)}" if moved else None

    def _has_moved(self, held: HeldRow, field: str, expected: Expectation) -> bool:
        """Whether Planhat held something else in a field when the plan was made.

        A field that is sent and is not among those that the plan changes was equal then: a key, the company, or a
        custom field that goes along with another one.
        """
        if field not in expected.before:
            return True
        return not self._comparison.is_still(held.values, field, expected.before[field])


def _drifted(item: Item, held: HeldRow | None, reason: str) -> Decision:
    return Decision(item, Verdict.DRIFTED, held=held, reason=reason)
