"""The possible outcomes of an item that is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_sandbox.store import Value

__all__ = ["Outcome", "Result", "RowError", "key_text"]


class Outcome(str, Enum):
    """The outcome of one item; ``INVALID`` is a failure that is listed in ``validationErrors``."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    INSERT_FAILED = "insert_failed"
    UPDATE_FAILED = "update_failed"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    VANISHED = "vanished"


class RowError(Exception):
    """A row is refused; the text says why."""

    def __init__(self, text: str, outcome: Outcome | None = None) -> None:
        """Take the reason, and the outcome if it is not simply a failed insert or update."""
        super().__init__(text)
        self.outcome = outcome


@dataclass
class Result:
    """The result for one item of a request; ``item`` is what was sent."""

    outcome: Outcome
    item: Value
    row_id: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    error: str | None = None


def key_text(value: object) -> str | None:
    """A key in its stored form, which is always text (B43); None if there is none."""
    if value is None or value == "" or isinstance(value, (dict, list, bool)):
        return None
    return str(value)
