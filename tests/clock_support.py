"""Lets the tap stand on a chosen day: days of metrics are asked for as far as today."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_planhat import windows

if TYPE_CHECKING:
    import pytest


def stand_on(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    """Make this day today for the tap in this process."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime(day.year, day.month, day.day, 12, tzinfo=tz or timezone.utc)

    monkeypatch.setattr(windows, "datetime", Clock)
