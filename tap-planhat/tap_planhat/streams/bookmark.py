"""How far a list was read, and of which rows: what the state holds from run to run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from tap_planhat.records.values import to_moment
from tap_planhat.streams.source import SOURCE, change_of_source

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Bookmark", "Coverage"]

_FIELD, _VALUE, _SCOPE, _SEEN = "replication_key", "replication_key_value", "scope", "newest_seen"
_CLOCKS_DIFFER = timedelta(minutes=1)


class Coverage:
    """Which rows a read brings, and what of them.

    Attributes:
        scope: Which rows of the model belong to the stream.
        source: Where the rows come from; see ``tap_planhat.streams.source``.
        scope_settings: Names of the settings that make the scope, for people.
    """

    def __init__(self, scope: Mapping[str, Any], source: Mapping[str, str], scope_settings: str) -> None:
        """Take it all in."""
        self.scope = dict(scope)
        self.source = dict(source)
        self.scope_settings = scope_settings

    def change(self, state: Mapping[str, Any]) -> str | None:
        """The settings that changed since a state was written, so that it covers other rows; None when none did."""
        if state.get(_SCOPE) != self.scope:
            return self.scope_settings
        return change_of_source(state, self.source)


class Bookmark:
    """A moment from which on a list has to be read again, by the stamps that Planhat gives rows.

    It lies before the moment the read began, for a row that changes while the list is read may be read before it
    changes. No clock of this machine tells that moment, since it need not go as Planhat's does: the latest stamp that
    was there before anything was read does. Stamps seen later count one run later.

    Args:
        state: The state of the stream; changed in place.
        field: Name of the field that tells a row's last change.
        coverage: What the read covers.
        now: The time by this machine's clock.

    Attributes:
        void: Why the bookmark says nothing of the rows there are now; None when it does, or when there is none.
    """

    def __init__(self, state: dict[str, Any], field: str, *, coverage: Coverage, now: datetime) -> None:
        """Take up the state."""
        self._state = state
        self._field = field
        self._coverage = coverage
        self._now = now
        self._value = _moment(state.get(_VALUE)) if state.get(_FIELD) == field else None
        self.void = None if self._value is None else self._fault(self._value)
        if self.void:
            self._value = None

    def _fault(self, value: datetime) -> str | None:
        changed = self._coverage.change(self._state)
        if changed:
            return f"{changed} changed since the last run"
        if value > self._now + _CLOCKS_DIFFER:
            return "The bookmark lies in the future, and would hide every change until then"
        return None

    def since(self, lookback_minutes: int) -> datetime | None:
        """The moment from which rows count as changed; None when all rows have to be read."""
        if self._value is None:
            return None
        try:
            return self._value - timedelta(minutes=lookback_minutes)
        except OverflowError:
            return datetime.min.replace(tzinfo=timezone.utc)

    def move(self, *, at_start: datetime | None, newest: datetime | None, all_ahead: bool = False) -> None:
        """Note how far the list was read; to be called when all of it was, for the oldest change comes last.

        Args:
            at_start: The latest stamp, none from the future, that was there before the first row was handed out.
            newest: The latest stamp, none from the future, that came.
            all_ahead: Every stamp that came lies in the future: Planhat's clock is ahead of the one here, so that all
                changes to come have later stamps than this moment.
        """
        seen_before = None if self._value is None else _moment(self._state.get(_SEEN))
        known = [moment for moment in (self._value, seen_before, at_start) if moment is not None]
        if not known and all_ahead:
            known = [self._now]
        if not known:
            self.forget()
            return
        self._state[_FIELD] = self._field
        self._state[_VALUE] = _text(min(max(known), self._now))
        self._state[_SCOPE] = self._coverage.scope
        self._state[SOURCE] = self._coverage.source
        if newest is not None:
            self._state[_SEEN] = _text(newest)

    def forget(self) -> None:
        """Have all rows read by the next run that goes by this bookmark."""
        for name in (_VALUE, _SCOPE, _SEEN, SOURCE):
            self._state.pop(name, None)


def _moment(value: object) -> datetime | None:
    text = to_moment(value)
    return None if text is None else msgspec.convert(text, datetime)


def _text(moment: datetime) -> str | None:
    return to_moment(moment.isoformat(sep=" "))
