"""What became of the rows sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import msgspec

__all__ = ["NOT_SENT", "WITHOUT_ANSWER", "BulkResult", "Fate", "Outcome", "PushResult"]


class Fate(str, Enum):
    """What became of one row.

    ``ACCEPTED`` means taken, but Planhat does not tell what it did with the row: metric points and activities are
    processed later (B80), and some bulk answers tell that all rows are stored without telling which row was created
    and which one changed. ``UNKNOWN`` means that the row may or may not be there; it never counts as delivered.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def delivered(self) -> bool:
        """Whether Planhat holds the row, or has taken charge of it."""
        return self not in {Fate.REJECTED, Fate.UNKNOWN}


class Outcome(msgspec.Struct, frozen=True):
    """What became of one row. There is one for each row sent, so it is of a kind that is cheap to make.

    Attributes:
        fate: See ``Fate``.
        planhat_id: ``_id`` of the record, where the answer tells it.
        reason: Why the row was not delivered, in Planhat's words (shortened, redacted) or ours; None if it was.
    """

    fate: Fate
    planhat_id: str | None = None
    reason: str | None = None

    @property
    def is_duplicated(self) -> bool:
        """Whether Planhat refused the row for keys that another row has; the wording is known from one report (B90).

        Such a refusal may be due to rows that somebody else sends at the same time, and be over a moment later.
        """
        return self.fate is Fate.REJECTED and "duplicate" in (self.reason or "").lower()


NOT_SENT = Outcome(Fate.REJECTED, None, "not sent: a call before it failed")
WITHOUT_ANSWER = Outcome(Fate.UNKNOWN, None, "sent, but the call failed; it may or may not be stored")


@dataclass(slots=True)
class BulkResult:
    """What became of the rows of a bulk upsert.

    Attributes:
        outcomes: One per row, in the order of the rows.
        notes: What did not add up in Planhat's answers, for people.
        calls: How many bulk calls it took, repeats after faults not counted.
    """

    outcomes: list[Outcome]
    notes: list[str] = field(default_factory=list)
    calls: int = 0


@dataclass(slots=True)
class PushResult:
    """What became of rows sent to the analytics host: ``ACCEPTED``, ``REJECTED`` or ``UNKNOWN`` each (B80, B81).

    Attributes:
        outcomes: One per row, in the order of the rows.
        notes: What did not add up in Planhat's answers, for people.
        calls: How many calls it took, repeats after faults not counted.
    """

    outcomes: list[Outcome]
    notes: list[str] = field(default_factory=list)
    calls: int = 0
