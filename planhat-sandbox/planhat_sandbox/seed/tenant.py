"""Collects the rows of the seeded tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox.seed import accounts, contact, revenue, work
from planhat_sandbox.seed.custom_fields import CustomFields
from planhat_sandbox.seed.plan import Plan, Table
from planhat_sandbox.seed.usage import UsageGrid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.points import Grid
    from planhat_sandbox.store import Row, Seeded

__all__ = ["seeded_grid", "seeded_rows"]

_MAKERS: Mapping[str, Callable[[Plan, int], Row]] = {
    "users": accounts.user,
    "products": revenue.product,
    "companies": accounts.company,
    "endusers": accounts.enduser,
    "licenses": revenue.license_,
    "sales": revenue.sale,
    "invoices": revenue.invoice,
    "opportunities": revenue.opportunity,
    "deals": revenue.deal,
    "lineitems": revenue.line_item,
    "churn": revenue.churn,
    "conversations": contact.conversation,
    "tasks": contact.task,
    "issues": contact.issue,
    "nps": contact.nps,
    "campaigns": contact.campaign,
    "workflows": contact.workflow,
    "assets": work.asset,
    "projects": work.project,
    "objectives": work.objective,
    "workspaces": work.workspace,
    "timeentries": work.time_entry,
    "timesheets": work.timesheet,
}


def seeded_rows(plan: Plan) -> dict[str, Seeded | None]:
    """The rows of each path."""
    columns = {"companies": accounts.company_columns(plan), "endusers": accounts.enduser_columns(plan)}
    tables: dict[str, Seeded | None] = {
        path: Table(plan, path, make, columns.get(path, {})) for path, make in _MAKERS.items()
    }
    return {**tables, "customfields": CustomFields(plan)}


def seeded_grid(plan: Plan) -> Grid:
    """The points of the tenant."""
    return UsageGrid(plan)
