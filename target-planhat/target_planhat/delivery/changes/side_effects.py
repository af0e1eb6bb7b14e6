"""Finds rows of a plan that another part of the plan may change before they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from target_planhat.delivery.changes.judge import whole_row
from target_planhat.plan.decision import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.models.registry import Model
    from target_planhat.plan.decision import Decision
    from target_planhat.plan.plan import Plan

__all__ = ["SideEffects"]

_SAME_RECORD = "the run changes the same record as a row of another model before (B74, B87)"
_CASCADE = "the run deletes its company before, and it is not known whether that deletes the row (Q18)"


class SideEffects:
    """What the rows of a plan do to rows of other models."""

    def __init__(self, plan: Plan) -> None:
        """Start without rows."""
        self._plan = plan
        self._changed: set[tuple[str, str]] = set()

    def note_planned(self, model: Model, decisions: Sequence[Decision]) -> None:
        """Note the records that the plan changes. A ticket is also a conversation."""
        for decision in decisions if model.side_effects else ():
            if decision.verdict.is_sent and decision.held is not None and decision.held.planhat_id is not None:
                self._changed.update((path, decision.held.planhat_id) for path in model.side_effects)

    def checked(self, model: Model, decision: Decision) -> Decision:
        """The decision; or that it cannot be told, because the record may be another one when the row is sent."""
        held = decision.held
        if held is None or decision.verdict is Verdict.AMBIGUOUS:
            return decision
        if held.company is not None and held.company in self._plan.deleted_companies:
            return replace(whole_row(decision.item, _CASCADE), held=held)
        if held.planhat_id is not None and (model.path, held.planhat_id) in self._changed:
            return replace(whole_row(decision.item, _SAME_RECORD), held=held)
        return decision
