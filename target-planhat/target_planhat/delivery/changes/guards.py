"""Ends a run before it changes more than the settings allow."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from target_planhat.errors import GuardError
from target_planhat.plan.decision import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.models.registry import Model
    from target_planhat.plan.decision import Decision
    from target_planhat.settings import TargetSettings

__all__ = ["Guards"]

_MAY_CREATE = frozenset({Verdict.CREATE, Verdict.AMBIGUOUS})
_MAY_UPDATE = frozenset({Verdict.UPDATE, Verdict.AMBIGUOUS})
_MOST_FIELDS = 5


class Guards:
    """The guards of one run. A row of which it cannot be told what it does counts as a create and as an update."""

    def __init__(self, settings: TargetSettings) -> None:
        """Start without changes."""
        self._most_creates = settings.max_creates
        self._most_updates = settings.max_updates
        self._most_percent = settings.max_changed_percent
        self._creates = 0
        self._updates = 0
        self._changed: Counter[str] = Counter()

    def check(self, model: Model, decisions: Sequence[Decision], held_rows: int) -> None:
        """Add a batch before it is sent.

        Args:
            model: The model of its rows.
            decisions: What was decided about its rows.
            held_rows: Records that Planhat held of the model when it was read.

        Raises:
            GuardError: The batch would change more than allowed.
        """
        problem = self.add(model, decisions, held_rows)
        if problem is not None:
            msg = (
                f"{problem}. Nothing of this batch was sent: {_described(decisions)}. To see all changes before "
                "anything is sent, run it with write: nothing (TARGET_PLANHAT_WRITE=nothing)"
            )
            raise GuardError(msg)

    def take_back(self, model: Model, decision: Decision) -> None:
        """Note that Planhat rejected a row. If it is sent once more, it is added again."""
        self._creates -= decision.verdict in _MAY_CREATE
        self._updates -= decision.verdict in _MAY_UPDATE
        self._changed[model.path] -= decision.verdict in _MAY_UPDATE

    def add(self, model: Model, decisions: Sequence[Decision], held_rows: int) -> str | None:
        """Add a batch. Return which guard it breaks; None if it breaks none."""
        sent = [decision.verdict for decision in decisions if decision.verdict.is_sent]
        updates = sum(verdict in _MAY_UPDATE for verdict in sent)
        self._creates += sum(verdict in _MAY_CREATE for verdict in sent)
        self._updates += updates
        self._changed[model.path] += updates
        changed = self._changed[model.path]
        if self._most_creates is not None and self._creates > self._most_creates:
            return f"max_creates is {self._most_creates}, and the run would create {self._creates} records or more"
        if self._most_updates is not None and self._updates > self._most_updates:
            return f"max_updates is {self._most_updates}, and the run would change {self._updates} records or more"
        # Without rounding. Where Planhat holds no record, there is no record to protect.
        if self._most_percent is not None and changed * 100 > self._most_percent * held_rows and held_rows:
            return (
                f"max_changed_percent is {self._most_percent}, and the run would change {changed} or more of the "
                f"{held_rows} {model.path} in Planhat"
            )
        return None


def _described(decisions: Sequence[Decision]) -> str:
    """The verdicts of a batch with their numbers, and the fields that would change most often."""
    verdicts = Counter(decision.verdict.value for decision in decisions)
    fields = Counter(name for decision in decisions for name in decision.before)
    text = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
    if fields:
        text += f" ({', '.join(f'{name} {number}' for name, number in fields.most_common(_MOST_FIELDS))})"
    return text
