"""What one bulk call of endusers knows of equal keys, in its own rows and in calls at the same time (B90)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from planhat_sandbox.addresses import compared
from planhat_sandbox.outcomes import key_text

if TYPE_CHECKING:
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.switches import Switches

    # The names of keys, with the values that no second row may have in them.
    Mark = tuple[tuple[str, ...], tuple[Value, ...]]

__all__ = ["Flight"]

_KEYS = ("externalId", "email")


class Flight:
    """One bulk call while it is under way.

    Attributes:
        sent: How often each mark stands in the request.
        handled: How often it stands in the rows that were looked at so far.
        met: The other calls that were under way at some time of this one.
    """

    def __init__(self, items: list[Value], switches: Switches) -> None:
        """Args: items: The rows of the call. switches: What counts as equal, and whom it is held against."""
        self._switches = switches
        self.sent = Counter(mark for item in items if isinstance(item, dict) for mark in self._marks(item))
        self.handled: Counter[Mark] = Counter()
        self.met: list[Flight] = []

    def shared_keys(self, item: Row) -> list[str]:
        """The keys of a row that another row has as well. From now on the row counts as handled."""
        marks = self._marks(item)
        shared = {name for mark in marks if self._comes_again(mark) for name in mark[0]}
        self.handled.update(marks)
        return [name for name in _KEYS if name in shared]

    def _comes_again(self, mark: Mark) -> bool:
        if self._switches["duplicated_endusers"] == "all_refused":
            return self.sent[mark] > 1 or any(other.sent[mark] for other in self.met)
        return any(flight.handled[mark] for flight in (self, *self.met))

    def _marks(self, item: Row) -> list[Mark]:
        values = {name: compared(name, key_text(item.get(name)), self._switches) for name in _KEYS}
        given = {name: value for name, value in values.items() if value is not None}
        if self._switches["duplicated_keys"] == "any":
            return [((name,), (value,)) for name, value in given.items()]
        return [(_KEYS, tuple(given.values()))] if len(given) == len(_KEYS) else []
