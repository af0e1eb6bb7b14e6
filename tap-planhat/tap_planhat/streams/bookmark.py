"""The bookmark of a list stream, which the state keeps from run to run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.dates import today
from tap_planhat.records.values import to_moment
from tap_planhat.streams.source import SOURCE, change_of_source

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Bookmark", "Coverage"]

_FIELD, _VALUE, _SCOPE, _SEEN = "replication_key", "replication_key_value", "scope", "newest_seen"
_READ_ALL_ON = "read_all_on"
_CLOCKS_DIFFER = timedelta(minutes=1)


class Coverage:
    """Which rows a bookmark covers.

    Attributes:
        scope: Which rows of the model belong to the stream.
        source: The source of the rows; see ``tap_planhat.streams.source``.
        scope_settings: Names of the settings that decide on the scope, for messages.
    """

    def __init__(self, scope: Mapping[str, Any], source: Mapping[str, str], scope_settings: str) -> None:
        """Copy the scope and the source."""
        self.scope = dict(scope)
        self.source = dict(source)
        self.scope_settings = scope_settings

    def change(self, state: Mapping[str, Any]) -> str | None:
        """The settings that changed since a state was written, so that it covers other rows; None if none changed."""
        if state.get(_SCOPE) != self.scope:
            return self.scope_settings
        return change_of_source(state, self.source)


class Bookmark:
    """The time from which changed rows have to be read, compared with the timestamps of rows.

    The bookmark must not be later than the start of the read, because a row may change after it was read. The clock of
    this machine cannot give that time, because it may differ from Planhat's clock. So the bookmark is the latest
    timestamp that the list had before the first row was read. Later timestamps count one run later.

    Args:
        state: The state of the stream; changed in place.
        field: Name of the field with the time of a row's last change.
        coverage: What the read covers.
        now: The time of this machine.

    Attributes:
        invalid_reason: Why the bookmark cannot be used; None if it can, or if there is none.
    """

    def __init__(self, state: dict[str, Any], field: str, *, coverage: Coverage, now: datetime) -> None:
        """Read the bookmark from the state."""
        self._state = state
        self._field = field
        self._coverage = coverage
        self._now = now
        self._value = _time(state.get(_VALUE)) if state.get(_FIELD) == field else None
        self.invalid_reason = None if self._value is None else self._fault(self._value)
        if self.invalid_reason:
            self._value = None
        self._today = today()
        read_all_on = state.get(_READ_ALL_ON)
        # In a bookmark that a person or an older version wrote, the days count from now.
        self._read_all_on = read_all_on if isinstance(read_all_on, int) else self._today

    def _fault(self, value: datetime) -> str | None:
        changed = self._coverage.change(self._state)
        if changed:
            return f"{changed} changed since the last run"
        if value > self._now + _CLOCKS_DIFFER:
            return "The bookmark is in the future and would hide every change until then"
        return None

    def since(self, lookback_minutes: int, full_read_days: int) -> datetime | None:
        """The time from which rows count as changed; None if all rows have to be read.

        Args:
            lookback_minutes: Minutes before the bookmark that are read again.
            full_read_days: After so many days, all rows are read again, because it is not known whether every change
                moves the timestamp of a row (B34, Q25).
        """
        if self._value is None:
            return None
        if not 0 <= self._today - self._read_all_on < full_read_days:
            return None
        try:
            return self._value - timedelta(minutes=lookback_minutes)
        except OverflowError:
            return datetime.min.replace(tzinfo=timezone.utc)

    def advance(
        self, *, at_start: datetime | None, newest: datetime | None, read_all: bool, all_in_future: bool = False
    ) -> None:
        """Set the bookmark. Call this when the whole list was read, because the oldest change comes last.

        Args:
            at_start: The latest timestamp of the list before its first row was emitted, without those in the future.
            newest: The latest timestamp that was read, without those in the future.
            read_all: Whether all rows were read.
            all_in_future: Every timestamp that was read is in the future. Then Planhat's clock is ahead of this one,
                and all later changes have timestamps after the present time.
        """
        seen_before = None if self._value is None else _time(self._state.get(_SEEN))
        known = [time for time in (self._value, seen_before, at_start) if time is not None]
        if not known and all_in_future:
            known = [self._now]
        if not known:
            self.clear()
            return
        self._state[_FIELD] = self._field
        self._state[_VALUE] = _text(min(max(known), self._now))
        self._state[_SCOPE] = self._coverage.scope
        self._state[SOURCE] = self._coverage.source
        self._state[_READ_ALL_ON] = self._today if read_all else self._read_all_on
        if newest is not None:
            self._state[_SEEN] = _text(newest)

    def clear(self) -> None:
        """Remove the bookmark, so that the next run reads all rows."""
        for name in (_VALUE, _SCOPE, _SEEN, SOURCE, _READ_ALL_ON):
            self._state.pop(name, None)


def _time(value: object) -> datetime | None:
    text = to_moment(value)
    return None if text is None else msgspec.convert(text, datetime)


def _text(time: datetime) -> str | None:
    return to_moment(time.isoformat(sep=" "))
