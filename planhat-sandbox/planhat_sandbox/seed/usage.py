"""Generates dimension data: three metrics for each company, and a few for other models."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from zlib import crc32

from planhat_sandbox.points import Series
from planhat_sandbox.seed.accounts import company_name, company_of

if TYPE_CHECKING:
    from planhat_sandbox.seed.plan import Plan

__all__ = ["UsageGrid"]

_COMPANY_METRICS = ("logins", "active_users", "api-calls")
# Model, path, metric, and out of how many records one has the metric.
_SPARSE = (
    ("EndUser", "endusers", "sessions", 50),
    ("Asset", "assets", "uptime", 10),
    ("Project", "projects", "hours.spent", 10),
)
_DAYS_A_WEEK = 7
_WEEKEND = (2, 3)  # Epoch days modulo 7 that are Saturdays and Sundays.


class UsageGrid:
    """A value for each series on each day: whole numbers, lower at weekends, and decimals for ``uptime``."""

    def __init__(self, plan: Plan) -> None:
        """Take the sizes of the tenant."""
        self._plan = plan
        self.days = max(0, plan.days)
        self.first_day = plan.today - self.days

    @cached_property
    def series(self) -> list[Series]:
        """All series: those of the companies first."""
        plan = self._plan
        found = [
            self._series(metric, "Company", plan.id("companies", company), company)
            for company in range(plan.counts["companies"])
            for metric in _COMPANY_METRICS
        ]
        return found + [
            self._series(metric, model, plan.id(path, index), company_of(plan, index))
            for model, path, metric, share in _SPARSE
            for index in range(0, plan.counts[path], share)
        ]

    def _series(self, metric: str, model: str, parent: str, company: int) -> Series:
        plan = self._plan
        return Series(metric, model, parent, plan.id("companies", company), company_name(plan, company))

    def value(self, index: int, day: int) -> float:
        """The value of the series at an index on an epoch day."""
        noise = crc32(b"%d %d" % (index, day), self._plan.seed & 0xFFFF)
        size = self._sizes[index]
        if not size:
            return 100 - noise % 1000 / 100
        return (size if day % _DAYS_A_WEEK not in _WEEKEND else size // 4) + noise % 10

    @cached_property
    def _sizes(self) -> list[int]:
        """The approximate value on a weekday; 0 for a percentage."""
        return [
            0 if series.dimension_id == "uptime" else 5 + crc32(series.parent_id.encode()) % 95
            for series in self.series
        ]
