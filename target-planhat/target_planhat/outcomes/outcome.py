"""What can become of a record, in the words of the summary, the receipts and the rejects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from planhat_api import Fate, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_planhat.rows.item import Item

    Settled = tuple[Sequence[Item], Sequence["RecordOutcome"]]
    """Rows with what became of each."""

__all__ = ["OutcomeKind", "RecordOutcome", "plain_outcomes"]


class OutcomeKind(str, Enum):
    """What became of one record that came in. Exactly one of these for each."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ACCEPTED = "accepted"
    """Taken, and Planhat does not say what it did with it (B80)."""
    MERGED = "merged"
    """Part of a later row of the same batch with the same key."""
    DELETED = "deleted"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """Sent, and it may or may not be there. Counts as rejected."""

    @property
    def is_reject(self) -> bool:
        """Whether the record goes to the rejects."""
        return self in {OutcomeKind.REJECTED, OutcomeKind.UNKNOWN}


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """What became of one record.

    Attributes:
        kind: See OutcomeKind.
        planhat_id: `_id` in Planhat, where known.
        reason: Why it was rejected or skipped.
        may_pass_later: Whether it was rejected for want of a record that may still come with the run.
    """

    kind: OutcomeKind
    planhat_id: str | None = None
    reason: str | None = None
    may_pass_later: bool = False

    @classmethod
    def rejected(cls, reason: str, *, may_pass_later: bool = False) -> RecordOutcome:
        """The outcome of a record that was rejected."""
        return cls(OutcomeKind.REJECTED, reason=reason, may_pass_later=may_pass_later)

    @classmethod
    def skipped(cls, reason: str) -> RecordOutcome:
        """The outcome of a record that was left out on purpose."""
        return cls(OutcomeKind.SKIPPED, reason=reason)

    @classmethod
    def of(cls, outcome: Outcome) -> RecordOutcome:
        """What an outcome that the client tells of a row means for its record."""
        if outcome.planhat_id is None and outcome.reason is None:
            return _PLAIN[outcome.fate]
        return cls(_BY_FATE[outcome.fate], outcome.planhat_id, outcome.reason)


_BY_FATE = {fate: OutcomeKind(fate.value) for fate in Fate}
_PLAIN = {fate: RecordOutcome(kind) for fate, kind in _BY_FATE.items()}


def plain_outcomes(outcomes: Sequence[Outcome]) -> list[RecordOutcome]:
    """Outcomes for counting alone: without `_id`, one object for all that are alike."""
    if outcomes and outcomes.count(outcomes[0]) == len(outcomes) and outcomes[0].reason is None:
        return [_PLAIN[outcomes[0].fate]] * len(outcomes)
    return [_PLAIN[outcome.fate] if outcome.reason is None else RecordOutcome.of(outcome) for outcome in outcomes]
