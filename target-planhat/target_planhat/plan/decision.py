"""What was decided about one row."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.destination.comparison import CUSTOM_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api import Row
    from planhat_api.destination.matching import HeldRow
    from target_planhat.rows.item import Item

__all__ = ["Decision", "Verdict"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Verdict(Enum):
    """What happens to a row.

    Attributes:
        is_sent: Whether something is sent.
    """

    CREATE = "to create"
    UPDATE = "to update"
    DELETE = "to delete"
    UNCHANGED = "unchanged"
    HELD_BACK = "held back"
    """All fields that differ belong to people in Planhat."""
    AMBIGUOUS = "ambiguous"
    """It cannot be told which record Planhat would change. The row is sent whole, without the fields of people."""
    DRIFTED = "drifted"
    """The record is no longer as the plan expects it."""
    SKIPPED = "skipped"
    """The mode of the stream leaves it out."""
    REJECTED = "would be rejected"
    """The mode of the stream needs to know whether the record exists, and this cannot be told. In a plan also: Planhat
    would surely reject the row."""

    # The hash of an enum is a function in Python, and a verdict is counted for each row.
    __hash__ = object.__hash__

    def __init__(self, value: str) -> None:
        """Compute the attribute once, because it is read for each row."""
        self.is_sent = value in {"to create", "to update", "ambiguous"}


class Decision(msgspec.Struct):
    """What was decided about one row.

    Attributes:
        item: The row as it was built from its record.
        verdict: What happens to it.
        row: What is sent; None if nothing is.
        held: The record in Planhat, if there is one.
        before: The fields that change, and the values that Planhat holds in them.
        held_back: Fields that differ and are not sent, because they belong to people in Planhat.
        doubts: Fields that may be equal, and why this cannot be told. They are sent.
        reason: Why the row is ambiguous, drifted or would be rejected.
        may_pass_later: Whether it would be rejected for a company that may still come.
    """

    item: Item
    verdict: Verdict
    row: Row | None = None
    held: HeldRow | None = None
    before: Mapping[str, Any] = {}
    held_back: tuple[str, ...] = ()
    doubts: Mapping[str, str] = {}
    reason: str | None = None
    may_pass_later: bool = False

    @property
    def changes(self) -> dict[str, dict[str, Any]]:
        """The fields that change, each with its values before and after."""
        if self.row is None or not self.before:
            return {}
        row = _decode(self.row.body)
        custom = row.get("custom") or {}
        return {name: {"before": value, "after": _value(row, custom, name)} for name, value in self.before.items()}

    @property
    def is_sure_update(self) -> bool:
        """Whether Planhat will surely change something."""
        return self.verdict is Verdict.UPDATE and len(self.doubts) < len(self.before)


def _value(row: Mapping[str, Any], custom: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - any JSON value
    return custom.get(name.removeprefix(CUSTOM_PREFIX)) if name.startswith(CUSTOM_PREFIX) else row.get(name)
