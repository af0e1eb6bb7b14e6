"""The sizes and ids of the seeded tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from planhat_sandbox.clock import iso
from planhat_sandbox.ids import id_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.store import Row, Value

__all__ = ["Plan", "Table"]

# All rows are created in this fixed period, so that equal seeds give equal rows on every day.
_START = datetime(2023, 1, 2, 8, tzinfo=timezone.utc)
_SPAN_SECONDS = 3 * 365 * 86_400


@dataclass(frozen=True)
class Plan:
    """Sizes of a tenant.

    Attributes:
        companies: Number of companies.
        endusers_wanted: Number of endusers; None for 10 for each company.
        days: Days of metrics; the last one is yesterday.
        seed: Decides on all random values.
        today: The present day of the tenant, in days since 1970-01-01.
    """

    companies: int
    endusers_wanted: int | None
    days: int
    seed: int
    today: int

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Number of rows by path, without custom fields, which are a fixed list."""
        companies = max(1, self.companies)
        endusers = companies * 10 if self.endusers_wanted is None else max(1, self.endusers_wanted)
        deals = companies // 2 + 1
        return {
            "users": max(5, min(60, companies // 10 + 5)),
            "products": 8,
            "companies": companies,
            "endusers": endusers,
            "licenses": companies * 2,
            "sales": companies,
            "invoices": companies * 2,
            "opportunities": companies,
            "deals": deals,
            "lineitems": deals * 2,
            "churn": companies // 5 + 2,
            "conversations": companies * 5,
            "tasks": companies * 3,
            "issues": companies,
            "nps": companies * 2,
            "campaigns": companies // 2 + 1,
            "assets": companies,
            "projects": companies // 2 + 1,
            "objectives": companies,
            "workspaces": companies // 2 + 1,
            "workflows": companies // 2 + 2,
            "timeentries": companies * 2,
            "timesheets": companies // 4 + 1,
        }

    def created(self, path: str, index: int) -> datetime:
        """When a row was created. A higher index means a later time."""
        return _START + timedelta(seconds=_SPAN_SECONDS * index // max(1, self.counts.get(path, 1_000)))

    def stamp(self, path: str, index: int, days: float = 0) -> str:
        """The time so many days after a row was created."""
        return iso(self.created(path, index) + timedelta(days=days))

    def id(self, path: str, index: int) -> str:
        """The id of a row. Ids of a path ascend with the index."""
        size = max(1, self.counts.get(path, 1_000))
        seconds = int(_START.timestamp()) + _SPAN_SECONDS * index // size
        return f"{seconds:08x}{self._tags[path]}{index:06x}"

    @cached_property
    def _tags(self) -> Mapping[str, str]:
        return {path: id_tag(path, self.seed) for path in (*self.counts, "customfields", "other")}

    def ref(self, path: str, number: int) -> str:
        """The id of a row of a path, for any number."""
        return self.id(path, number % self.counts[path])


@dataclass(frozen=True)
class Table:
    """The seeded rows of one path."""

    plan: Plan
    path: str
    make: Callable[[Plan, int], Row]
    columns: Mapping[str, Callable[[int], Value]]

    def __len__(self) -> int:
        """Number of rows."""
        return self.plan.counts[self.path]

    def id(self, index: int) -> str:
        """The ``_id`` at an index."""
        return self.plan.id(self.path, index)

    def row(self, index: int) -> Row:
        """The row at an index."""
        return {"_id": self.id(index), **self.make(self.plan, index)}
