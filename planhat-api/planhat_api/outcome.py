"""What became of the rows sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import msgspec

from planhat_api.errors import PayloadError, PlanhatError, UnavailableError

__all__ = ["NOT_SENT", "Fate", "Outcome", "SendResult", "lost", "outcome_of_failed_call"]


class Fate(str, Enum):
    """What became of one row.

    Attributes:
        delivered: Whether Planhat holds the row, or has taken charge of it.
        is_uncertain: Whether the row may be stored or not; it never counts as delivered.
        is_reject: Whether the row belongs to the rejects: it was refused, or it may not be stored.
        word: The word for people: for them a row that was lost is unknown, like others that may be stored or not.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ACCEPTED = "accepted"
    """Planhat took the row, but does not tell what it did with it.

    Metric points and activities are processed later (B80). Some bulk answers tell that all rows are stored, and do not
    tell which row was created and which one changed.
    """
    MERGED = "merged"
    """The row was made part of a later one with the same key. The client never says so; a program that uses it may."""
    DELETED = "deleted"
    SKIPPED = "skipped"
    """The row was left out on purpose. The client never says so; a program that uses it may."""
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """Planhat answered, and the answer does not tell whether the row is stored."""
    LOST = "lost"
    """The call failed, and the row may be stored all the same."""
    NOT_SENT = "not sent"
    """A call failed before the row could arrive."""

    def __init__(self, value: str) -> None:
        """Takes the value; what follows from it is worked out once, for it is asked of each row."""
        self.is_uncertain = value in {"unknown", "lost"}
        self.is_reject = self.is_uncertain or value == "rejected"
        self.delivered = value in {"created", "updated", "unchanged", "accepted", "merged"}
        self.word = "unknown" if value == "lost" else value


class Outcome(msgspec.Struct, frozen=True):
    """What became of one row. There is one for each row sent, so it is of a kind that is cheap to make.

    Attributes:
        fate: See ``Fate``.
        planhat_id: ``_id`` of the record, where the answer tells it.
        reason: Why the row was not delivered, in Planhat's words (shortened, redacted) or ours; None if it was.
        may_pass_later: Whether it was rejected because a record is missing that may still come.
    """

    fate: Fate
    planhat_id: str | None = None
    reason: str | None = None
    may_pass_later: bool = False

    @classmethod
    def rejected(cls, reason: str, *, may_pass_later: bool = False) -> Outcome:
        """The outcome of a row that was rejected."""
        return cls(Fate.REJECTED, None, reason, may_pass_later)

    @classmethod
    def skipped(cls, reason: str) -> Outcome:
        """The outcome of a row that was left out on purpose."""
        return cls(Fate.SKIPPED, None, reason)


NOT_SENT = Outcome(Fate.NOT_SENT, None, "not sent: a call before it failed")


def lost(error: PlanhatError) -> Outcome:
    """The outcome of rows whose call failed with this error and may have arrived."""
    return Outcome(Fate.LOST, None, f"may have arrived all the same: {error}")


def outcome_of_failed_call(error: PlanhatError) -> Outcome:
    """What the error of a call that failed as a whole means for each of its rows."""
    if isinstance(error, UnavailableError) and error.may_have_arrived:
        return lost(error)
    return Outcome.rejected(str(error)) if isinstance(error, PayloadError) else NOT_SENT


@dataclass(slots=True)
class SendResult:
    """What became of the rows of one method that sends many, be it in several calls.

    Attributes:
        outcomes: One per row, in the order of the rows.
        notes: What did not add up in Planhat's answers, for people.
        calls: How many calls it took, repeats after faults not counted.
        error: Why the rest of the rows was not sent; None if every call was answered.
    """

    outcomes: list[Outcome]
    notes: list[str] = field(default_factory=list)
    calls: int = 0
    error: PlanhatError | None = None

    def raise_for_error(self) -> SendResult:
        """Give the result itself if every call was answered.

        Rows that Planhat rejected are no error of a call; see ``outcomes`` for them.

        Raises:
            PlanhatError: A call failed.
        """
        if self.error is not None:
            raise self.error
        return self
