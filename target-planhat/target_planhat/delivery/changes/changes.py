"""Looks at what Planhat holds before rows are sent, and keeps account of what they change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from planhat_api import Outcome, OutcomeKind
from target_planhat.delivery.changes.guards import Guards
from target_planhat.delivery.changes.judge import Judge, whole_row
from target_planhat.delivery.changes.refusals import Refusals
from target_planhat.delivery.changes.side_effects import SideEffects
from target_planhat.delivery.model_order import rank
from target_planhat.errors import SettingsError
from target_planhat.plan.counts import ChangeCounts
from target_planhat.plan.decision import Decision, Verdict
from target_planhat.tenant.destination import UnreadableModelError

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterable, Sequence

    from planhat_api.destination.look import Look
    from planhat_api.models.registry import Model
    from target_planhat.plan.plan import Plan
    from target_planhat.rows.item import Item
    from target_planhat.settings import TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Changes"]

_MOST_NAMED = 10


class Changes:
    """The step between a batch and its delivery that looks.

    Attributes:
        looks: Whether rows are compared at all. Otherwise all rows are sent whole.
        counts: What happens to the rows of each stream.
    """

    def __init__(self, settings: TargetSettings, tenant: Tenant, plan: Plan | None, logger: logging.Logger) -> None:
        """Prepare to look.

        Args:
            settings: Settings of the run.
            tenant: Reads what Planhat holds.
            plan: Gets the rows in place of Planhat; None if they are sent.
            logger: Logger of the target.
        """
        self.counts = plan.counts if plan else ChangeCounts()
        self._destination = tenant.destination
        self._destination.reads_whole = settings.max_changed_percent is not None
        self.looks = settings.write != "all"
        self._plan = plan
        self._with_values = settings.receipts_values
        self._guards = Guards(settings)
        self._needs_look = settings.has_guards or plan is not None
        self._refusals = Refusals(tenant, plan) if plan else None
        self._side_effects = SideEffects(plan) if plan else None
        self._logger = logger
        self._unreadable: set[str] = set()
        self._oldest_look = 0.0
        self._failed: list[str] = []
        self._failures = 0

    def decide(self, model: Model, items: Sequence[Item]) -> list[Decision]:
        """Decide what is sent of rows of different records.

        Raises:
            GuardError: They would change more than the settings allow.
            SettingsError: The settings need a look, and the token may not read the model.
        """
        try:
            look = self._destination.look_at(model, items)
        except UnreadableModelError as error:
            return self._without_look(model, items, error)
        decisions = self.compared(look, items)
        if self._refusals is not None and self._side_effects is not None:
            decisions = [self._side_effects.checked(model, decision) for decision in decisions]
            decisions = [self._refusals.checked(model, decision) for decision in decisions]
        self._check_guards(model, decisions, look.index.held_rows)
        self._note_values(decisions)
        if self._plan is None:
            self.counts.add(decision for decision in decisions if not decision.verdict.is_sent)
        return decisions

    def whole_look(self, model: Model, items: Sequence[Item]) -> Look | None:
        """A look at a model that is not too old and shows all its records; None if there is none."""
        try:
            look = self._destination.look_at(model, items)
        except UnreadableModelError:
            return None
        return look if look.whole and look.complete else None

    def compared(self, look: Look, items: Sequence[Item], taken: Collection[int] = ()) -> list[Decision]:
        """Decide about rows of one model by what a look shows. No guard is checked, and nothing is counted.

        Args:
            look: The look.
            items: The rows.
            taken: Places in the index of the look. Earlier rows, which are not sent yet, are for these records.
        """
        # Notes and conversations share a path, and have different fields.
        judges = {
            stream: Judge(stream.model, self._destination.comparison(stream.model, stream.fields))
            for stream in {item.stream for item in items}
        }
        matches = look.index.find(items)
        decisions = [judges[item.stream].decide(item, match) for item, match in zip(items, matches, strict=True)]
        return _one_for_each_record(decisions, taken)

    def admit(self, model: Model, look: Look, decisions: Sequence[Decision]) -> None:
        """Check the guards before rows are sent about which ``compared`` decided.

        Raises:
            GuardError: They would change more than the settings allow.
        """
        self._check_guards(model, decisions, look.index.held_rows)
        self._note_values(decisions)

    def note_settled(self, decisions: Sequence[Decision]) -> None:
        """Count rows about which ``compared`` decided that they are not sent."""
        self._note_values(decisions)
        self.counts.add(decisions)

    def _note_values(self, decisions: Sequence[Decision]) -> None:
        if self._with_values:
            for decision in decisions:
                decision.item.changed = decision.changes

    def plan(self, model: Model, decisions: Sequence[Decision]) -> None:
        """Add rows to the plan in place of sending them. Later rows are compared with what the plan makes of them."""
        if self._plan is None:
            return
        self._plan.add(decisions, rank(model), model)
        look = self._destination.known(model)
        for decision in decisions:
            if look is not None and decision.row is not None and decision.verdict.is_sent:
                self._destination.note_planned(model, decision.row, decision.held)
        if self._refusals is not None and self._side_effects is not None:
            self._refusals.note_planned(model, decisions)
            self._side_effects.note_planned(model, decisions)

    def note_outcomes(self, model: Model, decisions: Iterable[Decision], outcomes: Iterable[Outcome]) -> None:
        """Take in what became of rows that were sent."""
        look = self._destination.known(model)
        self._destination.note_written(model)
        if look is not None:
            self._oldest_look = max(self._oldest_look, time.monotonic() - look.taken_at)
        for decision, outcome in zip(decisions, outcomes, strict=True):
            if not outcome.kind.is_reject:
                self.counts.add([decision])
            elif not outcome.kind.is_uncertain:
                self._guards.take_back(model, decision)
            if look is not None:
                self._note(look, decision, outcome)

    def _note(self, look: Look, decision: Decision, outcome: Outcome) -> None:
        if decision.row is None:
            return
        if outcome.kind.is_uncertain:
            look.index.note_uncertain(decision.row, decision.held)
        elif outcome.kind.delivered:
            look.index.note_stored(decision.row, decision.held, outcome.planhat_id)
        if decision.is_sure_update and outcome.kind is OutcomeKind.UNCHANGED:
            self._note_failure(decision, f"{', '.join(decision.before)} seemed to differ, and Planhat changed nothing")
        if decision.verdict is Verdict.CREATE and outcome.kind in {OutcomeKind.UPDATED, OutcomeKind.UNCHANGED}:
            self._note_failure(decision, "Planhat held it already, and did not show it to this token")

    def _note_failure(self, decision: Decision, what: str) -> None:
        self._failures += 1
        if len(self._failed) < _MOST_NAMED:
            self._failed.append(f"{decision.item.stream.name}, {decision.item.label}: {what}")

    def log(self) -> None:
        """Log what changed, and where the comparison failed."""
        if self._plan is None:
            self.counts.log(self._logger)
        if self._oldest_look:
            text = "The oldest look that a write relied on was %.1f s old when Planhat had answered"
            self._logger.info(text, self._oldest_look)
        for text in self._failed:
            self._logger.warning("The comparison failed: %s", text)
        if self._failures > len(self._failed):
            self._logger.warning("The comparison failed for %s more rows", self._failures - len(self._failed))

    def _check_guards(self, model: Model, decisions: Sequence[Decision], held_rows: int) -> None:
        if self._plan is None:
            self._guards.check(model, decisions, held_rows)
            return
        problem = self._guards.add(model, decisions, held_rows)
        if problem is not None:
            self._plan.note_guard(problem)

    def _without_look(self, model: Model, items: Sequence[Item], error: UnreadableModelError) -> list[Decision]:
        """Rows are sent whole, without the fields of people. Where this is not safe enough, the run ends."""
        if self._needs_look or any(item.expected or item.stream.mode != "upsert" for item in items):
            msg = (
                f"the token may not read {model.path}: {error}. A plan, the carrying out of a plan, a guard, and a "
                "load_method other than upsert need to know what Planhat holds. Give the private app the permission to "
                "read it"
            )
            raise SettingsError(msg)
        if model.path not in self._unreadable:
            self._unreadable.add(model.path)
            text = "The token may not read %s. So rows are sent whole, without fields that have a rule of ownership: %s"
            self._logger.warning(text, model.path, error)
        return [whole_row(item, "the token may not read the model") for item in items]


def _one_for_each_record(decisions: list[Decision], taken: Collection[int]) -> list[Decision]:
    """Rows for one record that were matched by different keys in one batch: the later rows are sent whole."""
    seen = set(taken)
    for index, decision in enumerate(decisions):
        if decision.held is None:
            continue
        if decision.held.place in seen and decision.verdict in {Verdict.UPDATE, Verdict.UNCHANGED, Verdict.HELD_BACK}:
            reason = "an earlier row of the same batch is for the same record by another key (Q10)"
            decisions[index] = replace(whole_row(decision.item, reason), held=decision.held)
        seen.add(decision.held.place)
    return decisions
