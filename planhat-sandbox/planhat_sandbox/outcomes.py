"""What can become of one item that is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_sandbox.store import Value

__all__ = ["Fate", "Result", "RowError", "key_text"]


class Fate(str, Enum):
    """What became of one item; ``INVALID`` is a failure that goes to ``validationErrors``."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    INSERT_FAILED = "insert_failed"
    UPDATE_FAILED = "update_failed"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    VANISHED = "vanished"


class RowError(Exception):
    """A row that is refused; the text says why."""

    def __init__(self, text: str, fate: Fate | None = None) -> None:
        """Args: text: Why. fate: Which list the row belongs to, when it is not simply a failed insert or update."""
        super().__init__(text)
        self.fate = fate


@dataclass
class Result:
    """The fate of one item of a request; ``item`` is what was sent."""

    fate: Fate
    item: Value
    row_id: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    error: str | None = None


def key_text(value: object) -> str | None:
    """A key as it is stored: text, also when a number was sent (B43). None when there is none."""
    if value is None or value == "" or isinstance(value, (dict, list, bool)):
        return None
    return str(value)
