"""A quota file in which other processes have used up the quota."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from planhat_api.http.quota import Quota

if TYPE_CHECKING:
    from pathlib import Path


def has_passed(file: Path, *, calls: int, seconds_ago: float) -> str:
    """Write the file; its path."""
    quota = Quota(calls_per_minute=calls, parallel_calls=1, file=file)
    for _ in range(calls):
        with quota.turn(counted=True):
            pass
    quota.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE rate_bucket SET item_timestamp = item_timestamp - ?", (round(seconds_ago * 1000),))
        connection.commit()
    return str(file)
