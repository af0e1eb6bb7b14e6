"""Finds equal keys in the rows of a bulk call of endusers and of calls at the same time (B90)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from planhat_sandbox.email_case import compared
from planhat_sandbox.outcomes import key_text

if TYPE_CHECKING:
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.switches import Switches

    # The names of keys with their values, which no other row may have.
    KeyValues = tuple[tuple[str, ...], tuple[Value, ...]]

__all__ = ["BulkCall"]

_KEYS = ("externalId", "email")


class BulkCall:
    """One bulk call while it is processed.

    Attributes:
        sent: How often the request contains each combination of key values.
        handled: How often the rows that were processed so far contain it.
        met: The other calls that were processed at least partly at the same time.
    """

    def __init__(self, items: list[Value], switches: Switches) -> None:
        """Take the rows of the call, and the switches that decide which keys are equal and which rows are refused."""
        self._switches = switches
        self.sent = Counter(
            key_values for item in items if isinstance(item, dict) for key_values in self._key_values(item)
        )
        self.handled: Counter[KeyValues] = Counter()
        self.met: list[BulkCall] = []

    def shared_keys(self, item: Row) -> list[str]:
        """The keys of a row that another row has as well. The row counts as handled from now on."""
        combinations = self._key_values(item)
        shared = {name for key_values in combinations if self._comes_again(key_values) for name in key_values[0]}
        self.handled.update(combinations)
        return [name for name in _KEYS if name in shared]

    def _comes_again(self, key_values: KeyValues) -> bool:
        if self._switches["duplicated_endusers"] == "all_refused":
            return self.sent[key_values] > 1 or any(other.sent[key_values] for other in self.met)
        return any(bulk_call.handled[key_values] for bulk_call in (self, *self.met))

    def _key_values(self, item: Row) -> list[KeyValues]:
        values = {name: compared(name, key_text(item.get(name)), self._switches) for name in _KEYS}
        given = {name: value for name, value in values.items() if value is not None}
        if self._switches["duplicated_keys"] == "any":
            return [((name,), (value,)) for name, value in given.items()]
        return [(_KEYS, tuple(given.values()))] if len(given) == len(_KEYS) else []
