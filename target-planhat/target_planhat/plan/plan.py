"""Collects what a run would do, for the report and the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api import Outcome, OutcomeKind
from target_planhat.plan.calls import PlannedCalls
from target_planhat.plan.counts import ChangeCounts, most_common
from target_planhat.plan.decision import Verdict
from target_planhat.plan.rows import PlannedRow, PlannedRows
from target_planhat.record_line import Expectation

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.outcomes.summary import Summary
    from target_planhat.plan.decision import Decision
    from target_planhat.plan.plan_file import PlanFile
    from target_planhat.rows.item import Item

__all__ = ["PLANNED", "Plan", "references_to"]

PLANNED = Outcome(OutcomeKind.PLANNED)
"""The outcome of a row that a plan contains."""
_IN_FILE: dict[Verdict, Any] = {
    Verdict.CREATE: "create",
    Verdict.UPDATE: "update",
    Verdict.DELETE: "delete",
    Verdict.AMBIGUOUS: "send",
}
_CHANGES = frozenset(_IN_FILE)
_PREFIXES = {"_id": "", "externalId": "extid-", "sourceId": "srcid-"}
_ADDED_TWICE = "are left out of the file, because to carry it out twice would add them twice"


class Plan:
    """The plan of one run.

    Attributes:
        counts: What happens to the rows of each stream.
        calls: The calls that it would take.
        deleted_companies: References to the companies that it deletes.
    """

    def __init__(self, file: PlanFile | None, rows_per_call: int, bytes_per_call: int) -> None:
        """Start without rows.

        Args:
            file: Gets the plan at the end; None if only the report is wanted.
            rows_per_call: Rows of one bulk call at most.
            bytes_per_call: Bytes of one bulk call at most.
        """
        self.counts = ChangeCounts()
        self.calls = PlannedCalls(rows_per_call, bytes_per_call)
        self._file = file
        self._rows = PlannedRows()
        self._guard: str | None = None
        self.deleted_companies: set[str] = set()

    @property
    def has_changes(self) -> bool:
        """Whether anything would be written."""
        verdicts = (counts.verdicts for counts in self.counts.streams.values())
        return any(verdict in _CHANGES for found in verdicts for verdict in found)

    def add(self, decisions: Sequence[Decision], rank: int, model: Model) -> None:
        """Add rows of one model.

        Args:
            decisions: What was decided about them.
            rank: Place of the model in the order in which models are sent.
            model: Their model.
        """
        self.counts.add(decision for decision in decisions if decision.verdict is not Verdict.REJECTED)
        for decision in decisions:
            action = _IN_FILE.get(decision.verdict)
            if action is None or decision.row is None:
                continue
            self.calls.add_row(model.path, len(decision.row.body), alone=action == "delete")
            key = decision.item.match
            if key is None:
                self.counts.of(decision.item.stream.name).notes[_ADDED_TWICE] += 1
                continue
            held_id = decision.held.planhat_id if decision.held else None
            expected = Expectation(action, key, held_id, dict(decision.before), decision.reason)
            planned = PlannedRow(decision.item.stream.name, model.path, decision.row.body, expected)
            self._rows.add(_identity(model, decision, key), rank, planned)

    def add_rows_without_key(self, items: Sequence[Item]) -> None:
        """Add rows that Planhat adds each time they are sent. They are counted and left out of the file."""
        for item in items:
            counts = self.counts.of(item.stream.name)
            counts.verdicts[Verdict.CREATE] += 1
            counts.notes[_ADDED_TWICE] += 1
            self.calls.add_row(f"push {item.stream.model.path}", len(item.body), alone=False)

    def note_deleted(self, model: Model, row: Mapping[str, Any]) -> None:
        """Note that the plan deletes a record, so that later rows cannot belong to it."""
        if model.path == "companies":
            self.deleted_companies |= set(references_to(row))

    def drop_create(self, model: Model, item: Item) -> bool:
        """Take a record out that the plan creates, because a later row deletes it. False if there is none."""
        if item.match is None or not self._rows.remove("\0".join((model.path, *item.match))):
            return False
        self.counts.of(item.stream.name).verdicts[Verdict.DELETE] += 1
        return True

    def note_guard(self, problem: str) -> None:
        """Note that a guard would end the run."""
        self._guard = self._guard or problem

    def finish(self, logger: logging.Logger, summary: Summary, looks: int) -> None:
        """Log the report, and write the file.

        Args:
            logger: Logger of the target.
            summary: The counts of the run, which also contain rows that no record was looked up for.
            looks: Calls that it took to look at what Planhat holds.

        Raises:
            OutputError: The file cannot be written.
        """
        for stream in summary.streams:
            self._add_rejects(stream, summary.of(stream))
        for stream, counts in self.counts.streams.items():
            rows = ", ".join(
                f"{counts.verdicts[verdict]} {verdict.value}" for verdict in Verdict if counts.verdicts[verdict]
            )
            logger.info("PLAN %s: %s", stream, rows)
            if counts.fields:
                logger.info("PLAN %s: fields to update: %s", stream, most_common(counts.fields))
            if counts.held_back:
                text = "PLAN %s: held back, because they belong to people: %s"
                logger.info(text, stream, most_common(counts.held_back))
            for (name, reason), number in counts.doubts.most_common():
                logger.info("PLAN %s: %s of %s rows cannot be compared and is sent: %s", stream, name, number, reason)
            for (verdict, reason), number in counts.reasons.most_common():
                logger.info("PLAN %s: %s rows %s: %s", stream, number, verdict.value, reason)
            for note, number in counts.notes.items():
                logger.info("PLAN %s: %s rows %s", stream, number, note)
        logger.info("PLAN Calls: %s to write, %s made to look", self.calls.total, looks)
        if self._guard is not None:
            logger.warning("PLAN The run would end before it writes all of this: %s", self._guard)
        line = {"streams": self.counts.as_json(), "calls": {"write": self.calls.total, "look": looks}}
        logger.info("PLAN %s", msgspec.json.encode(line).decode())
        if self._file is not None:
            self._file.write(
                self._rows, {stream: _actions(counts.verdicts) for stream, counts in self.counts.streams.items()}
            )
            logger.info("The plan is in %s. Nothing was sent", self._file.path)

    def _add_rejects(self, stream: str, outcomes: Mapping[str, int]) -> None:
        """Count the rows that would be rejected. They are counted at the end, because some wait for their company."""
        rejected = outcomes.get(OutcomeKind.REJECTED.word, 0)
        if rejected:
            self.counts.of(stream).verdicts[Verdict.REJECTED] = rejected

    def close(self) -> None:
        """Delete the temporary file."""
        self._rows.close()


def references_to(company: Mapping[str, Any]) -> list[str]:
    """All references to a company by its keys (B22)."""
    return [prefix + str(company[key]) for key, prefix in _PREFIXES.items() if company.get(key)]


def _actions(verdicts: Any) -> dict[str, int]:  # noqa: ANN401
    return {verdict.value: verdicts[verdict] for verdict in Verdict if verdicts[verdict]}


def _identity(model: Model, decision: Decision, key: tuple[str, ...]) -> str:
    """What is the same for all rows of one record."""
    held = decision.held
    if held is not None:
        return f"{model.path}\0{held.planhat_id or held.place}"
    return "\0".join((model.path, *key))
