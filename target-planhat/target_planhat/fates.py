"""What can become of a record, in the words of the summary, the receipts and the rejects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from planhat_api import Fate, Outcome

__all__ = ["Verdict", "Verdicts"]


class Verdicts(str, Enum):
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
        return self in {Verdicts.REJECTED, Verdicts.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one record.

    Attributes:
        kind: See Verdicts.
        planhat_id: `_id` in Planhat, where known.
        reason: Why it was rejected or skipped.
    """

    kind: Verdicts
    planhat_id: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> Verdict:
        """The verdict that an outcome of the client means."""
        return cls(_BY_FATE[outcome.fate], outcome.planhat_id, outcome.reason)


_BY_FATE = {fate: Verdicts(fate.value) for fate in Fate}
