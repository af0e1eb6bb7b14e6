"""Lets the tap stand on a chosen day: days of metrics are asked for as far as today."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING
from unittest.mock import patch

from planhat_api.values import dates

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def standing_on(day: date) -> Iterator[None]:
    """Make this day today for the tap in this process."""

    with patch.object(dates, "_now", lambda: datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc)):
        yield
