"""Lets the tap stand on a chosen day: days of metrics are asked for as far as today."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tap_planhat import days

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def standing_on(day: date) -> Iterator[None]:
    """Make this day today for the tap in this process."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime(day.year, day.month, day.day, 12, tzinfo=tz or timezone.utc)

    with patch.object(days, "datetime", Clock):
        yield
