"""The outcomes of the rows that were sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import msgspec

from planhat_api.errors import PayloadError, PlanhatError, UnavailableError

__all__ = ["NOT_SENT", "Outcome", "OutcomeKind", "SendResult", "lost", "outcome_of_failed_call"]


class OutcomeKind(str, Enum):
    """The kind of outcome of one row.

    Attributes:
        delivered: Whether Planhat has stored the row, or has accepted it to store it later.
        is_uncertain: Whether it is not known if the row is stored. Such a row never counts as delivered.
        is_reject: Whether the row belongs to the rejects: it was rejected, or it is uncertain.
        word: The word for users. A lost row is unknown for them, like other uncertain rows.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ACCEPTED = "accepted"
    """Planhat accepted the row, but it is not known what it did with it.

    Metric points and activities are processed later (B80). Some bulk answers say that all rows are stored, but not
    which rows were created and which were updated.
    """
    MERGED = "merged"
    """The row was merged into a later row with the same key. Only programs that use the client set this."""
    DELETED = "deleted"
    SKIPPED = "skipped"
    """The row was left out on purpose. Only programs that use the client set this."""
    HELD_BACK = "held back"
    """The row differs only in fields that belong to people in Planhat. Only programs that use the client set this."""
    DRIFTED = "drifted"
    """The record changed in Planhat since the row was planned. Only programs that use the client set this."""
    PLANNED = "planned"
    """The run shows what it would do and sends nothing. Only programs that use the client set this."""
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """Planhat answered, but the answer does not show whether the row is stored."""
    LOST = "lost"
    """The call failed, but the row may be stored."""
    NOT_SENT = "not sent"
    """An earlier call failed, so the row was not sent."""

    # The hash of an enum is a function in Python, and outcomes are counted for each row.
    __hash__ = str.__hash__

    def __init__(self, value: str) -> None:
        """Compute the attributes once, because they are read for each row."""
        self.is_uncertain = value in {"unknown", "lost"}
        self.is_reject = self.is_uncertain or value == "rejected"
        self.delivered = value in {"created", "updated", "unchanged", "accepted", "merged"}
        self.word = "unknown" if value == "lost" else value


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of one row. There is one for each row, so it must be fast to create.

    Attributes:
        kind: See ``OutcomeKind``.
        planhat_id: ``_id`` of the record, if it is known.
        reason: Why the row was not delivered, from Planhat (shortened, redacted) or this client; None if it was.
        may_pass_later: Whether it was rejected because a record is missing that may still come.
    """

    kind: OutcomeKind
    planhat_id: str | None = None
    reason: str | None = None
    may_pass_later: bool = False

    @classmethod
    def rejected(cls, reason: str, *, may_pass_later: bool = False) -> Outcome:
        """The outcome of a row that was rejected."""
        return cls(OutcomeKind.REJECTED, None, reason, may_pass_later)

    @classmethod
    def skipped(cls, reason: str) -> Outcome:
        """The outcome of a row that was left out on purpose."""
        return cls(OutcomeKind.SKIPPED, None, reason)


NOT_SENT = Outcome(OutcomeKind.NOT_SENT, None, "not sent: a call before it failed")


def lost(error: PlanhatError) -> Outcome:
    """The outcome of rows that may have arrived although their call failed with this error."""
    return Outcome(OutcomeKind.LOST, None, f"may have arrived: {error}")


def outcome_of_failed_call(error: PlanhatError) -> Outcome:
    """The outcome of each row of a call that failed with this error."""
    if isinstance(error, UnavailableError) and error.may_have_arrived:
        return lost(error)
    return Outcome.rejected(str(error)) if isinstance(error, PayloadError) else NOT_SENT


@dataclass(slots=True)
class SendResult:
    """The outcomes of many rows, which were sent in one or several calls.

    Attributes:
        outcomes: One for each row, in the order of the rows.
        notes: Contradictions in Planhat's answers, for the log.
        calls: Number of calls, without repeats after errors.
        error: Why the other rows were not sent; None if each call was answered.
    """

    outcomes: list[Outcome]
    notes: list[str] = field(default_factory=list)
    calls: int = 0
    error: PlanhatError | None = None

    def raise_for_error(self) -> SendResult:
        """Return the result itself if each call was answered.

        Rows that Planhat rejected are not an error of a call. See ``outcomes`` for them.

        Raises:
            PlanhatError: A call failed.
        """
        if self.error is not None:
            raise self.error
        return self
