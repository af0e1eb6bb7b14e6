"""Judges a backfill by what the sandboxes and the warehouse know."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.engines.machines.database import Postgresql
    from tests.engines.machines.tenants import BoxedTenant

__all__ = ["Landed", "landed", "most_in_a_minute", "share_of_quota"]

_MINUTE = 60.0


@dataclass(frozen=True)
class Landed:
    """What the warehouse has of a tenant's points, beside the tenant's own book."""

    wanted: int
    missing: int
    doubled: int
    foreign: int


def landed(tenant: BoxedTenant, warehouse: Postgresql, metrics: Iterable[str], first: date, last: date) -> Landed:
    """Compare the ``_id``s of the points of some metrics and days, both days included."""
    wanted = {
        point["_id"]
        for point in tenant.points()
        if point["dimensionId"] in set(metrics) and first <= _day(point["time"]) <= last
    }
    found = Counter(warehouse.column("warehouse", f'select "_id" from {tenant.name}.dimension_data'))
    return Landed(len(wanted), len(wanted - found.keys()), sum(found.values()) - len(found), len(found.keys() - wanted))


def most_in_a_minute(calls: Sequence[dict[str, Any]]) -> int:
    """The largest number of calls within 60 seconds, wherever these begin."""
    stamps = sorted(call["at"] for call in calls)
    return max((index + 1 - bisect_left(stamps, stamp - _MINUTE) for index, stamp in enumerate(stamps)), default=0)


def share_of_quota(calls: Sequence[dict[str, Any]], calls_per_minute: int, *, until: float | None = None) -> float:
    """How much of the quota was used from the first call to the last one, or to the last one before a moment.

    While there is work is up to the moment when the last piece began.
    """
    stamps: list[float] = sorted(call["at"] for call in calls if until is None or call["at"] <= until)
    # The first call ends no interval.
    return (len(stamps) - 1) / (stamps[-1] - stamps[0]) * _MINUTE / calls_per_minute


def _day(stamp: str) -> date:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(timezone.utc).date()
