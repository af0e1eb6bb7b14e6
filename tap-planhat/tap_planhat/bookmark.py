"""How far a list was read, and of which rows: what the state holds from run to run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_planhat.source import SOURCE, change_of_source
from tap_planhat.values import to_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Bookmark"]

_FIELD, _VALUE, _SCOPE, _SEEN = "replication_key", "replication_key_value", "scope", "newest_seen"


class Bookmark:
    """A moment from which on a list has to be read again, by the stamps that Planhat gives rows.

    It lies before the moment the read began, for a row that changes while the list is read may be read before it
    changes. No clock of this machine tells that moment, since it need not go as Planhat's does: the latest stamp that
    was there before anything was read does. Stamps seen later count one run later.

    Args:
        state: The state of the stream; changed in place.
        field: Name of the field that tells a row's last change.
        scope: Which rows the read covers.
        source: Where the rows come from; see ``tap_planhat.source``.

    Attributes:
        void: What changed since the state was written, so that its bookmark says nothing of the rows there are now;
            None when it still does, or when there is none.
    """

    def __init__(
        self, state: dict[str, Any], field: str, *, scope: Mapping[str, Any], source: Mapping[str, str]
    ) -> None:
        """Take up the state."""
        self._state = state
        self._field = field
        self._scope = dict(scope)
        self._source = dict(source)
        self._value = _moment(state.get(_VALUE)) if state.get(_FIELD) == field else None
        self.void = None if self._value is None else self._change()
        if self.void:
            self._value = None

    def _change(self) -> str | None:
        if self._state.get(_SCOPE) != self._scope:
            return "The settings that say which rows belong to the stream"
        return change_of_source(self._state, self._source)

    def since(self, lookback_minutes: int) -> datetime | None:
        """The moment from which rows count as changed; None when all rows have to be read."""
        if self._value is None:
            return None
        try:
            return self._value - timedelta(minutes=lookback_minutes)
        except OverflowError:
            return datetime.min.replace(tzinfo=timezone.utc)

    def move(self, *, at_start: datetime | None, newest: datetime | None, not_after: datetime) -> None:
        """Note how far the list was read; to be called when all of it was, for the oldest change comes last.

        Args:
            at_start: The latest stamp that was there before the first row was handed out.
            newest: The latest stamp that came.
            not_after: A bound for both. A stamp from a day to come would keep every later change from being read.
        """
        seen_before = None if self._value is None else _moment(self._state.get(_SEEN))
        known = [moment for moment in (self._value, seen_before, at_start) if moment is not None]
        if not known:
            return
        self._state[_FIELD] = self._field
        self._state[_VALUE] = _text(min(max(known), not_after))
        self._state[_SCOPE] = self._scope
        self._state[SOURCE] = self._source
        if newest is not None:
            self._state[_SEEN] = _text(newest)


def _moment(value: object) -> datetime | None:
    text = to_moment(value)
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _text(moment: datetime) -> str | None:
    return to_moment(moment.isoformat(sep=" "))
