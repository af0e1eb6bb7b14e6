"""Generates assets, projects, objectives, workspaces, time entries and timesheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox.clock import day_number
from planhat_sandbox.seed import words
from planhat_sandbox.seed.accounts import company_name, company_of, user_name
from planhat_sandbox.seed.custom_fields import custom_of
from planhat_sandbox.seed.row_random import RowRandom

if TYPE_CHECKING:
    from planhat_sandbox.seed.plan import Plan
    from planhat_sandbox.store import Row

__all__ = ["asset", "objective", "project", "time_entry", "timesheet", "workspace"]


def _of_company(plan: Plan, index: int) -> Row:
    owner = company_of(plan, index)
    return {"companyId": plan.id("companies", owner), "companyName": company_name(plan, owner)}


def _keys(kind: str, index: int) -> Row:
    keys: Row = {"externalId": f"{kind}-{index + 1}"} if index % 5 else {}
    if index % 3:
        keys["sourceId"] = f"crm-{kind}-{index + 1}"
    return keys


def asset(plan: Plan, index: int) -> Row:
    """An asset."""
    rng = RowRandom(plan.seed, "asset", index)
    owner = rng.below(plan.counts["users"])
    return {
        "name": f"{rng.pick(('Device', 'Site', 'Område'))} {index + 1}",
        **_of_company(plan, index),
        **_keys("asset", index),
        "serialNumber": f"SN{index:08d}",
        "value": rng.below(100_000) / 100,
        "_currency": rng.pick(words.CURRENCIES),
        "installDate": plan.stamp("assets", index),
        "status": rng.pick(("Active", "Active", "Retired")),
        "ownerId": plan.id("users", owner),
        "ownerName": user_name(plan, owner),
        "usage": {plan.id("other", 1): rng.below(100)},
        "createdAt": plan.stamp("assets", index),
        "updatedAt": plan.stamp("assets", index, rng.below(100)),
        **custom_of(plan, "assets", index),
        "__v": 0,
    }


def project(plan: Plan, index: int) -> Row:
    """A project."""
    rng = RowRandom(plan.seed, "project", index)
    mrr = rng.between(0, 50) * 10
    return {
        "name": f"Rollout {index + 1} {rng.pick(words.CITIES)}",
        **_of_company(plan, index),
        **_keys("project", index),
        "currency": rng.pick(words.CURRENCIES),
        "startDate": plan.stamp("projects", index),
        "endDate": None if rng.chance(30) else plan.stamp("projects", index, 90),
        "mrr": mrr,
        "arr": mrr * 12,
        "nrr": rng.pick((0, 99.5)),
        **custom_of(plan, "projects", index),
        "__v": 0,
    }


def objective(plan: Plan, index: int) -> Row:
    """An objective."""
    rng = RowRandom(plan.seed, "objective", index)
    return {
        "name": f"Adopt {rng.pick(words.PRODUCTS)}",
        "health": rng.between(0, 10),
        **_of_company(plan, index),
        **_keys("objective", index),
        "usage": {plan.id("other", 1): 0},
        "sharedInPortal": rng.pick((None, True, False)),
        "createdAt": plan.stamp("objectives", index),
        "updatedAt": plan.stamp("objectives", index, rng.below(100)),
        **custom_of(plan, "objectives", index),
        "__v": 0,
    }


def workspace(plan: Plan, index: int) -> Row:
    """A workspace."""
    rng = RowRandom(plan.seed, "workspace", index)
    return {
        "name": f"Ops {index + 1}",
        **_of_company(plan, index),
        **_keys("workspace", index),
        "ownerId": plan.ref("users", rng.below(60)),
        **custom_of(plan, "workspaces", index),
    }


def time_entry(plan: Plan, index: int) -> Row:
    """The working hours of a day."""
    rng = RowRandom(plan.seed, "time entry", index)
    hours, rate = rng.between(1, 40) / 4, rng.pick((0, 90, 120.5))
    return {
        "companyId": plan.id("companies", company_of(plan, index)),
        "date": plan.stamp("timeentries", index)[:10] + "T00:00:00.000Z",
        "hours": hours,
        "isTimeOff": False,
        "description": rng.pick(words.SENTENCES),
        "isBillable": rate > 0,
        "currency": "EUR",
        "billableRate": rate,
        "totalBilled": hours * rate,
        "costRate": 50,
        "totalCost": hours * 50,
        "timesheetStatus": "draft",
        "assignedModel": "User",
        "assignedId": plan.ref("users", rng.below(60)),
        "path": [],
        "createdAt": plan.stamp("timeentries", index),
        "updatedAt": plan.stamp("timeentries", index, rng.below(10)),
        "__v": 0,
    }


def timesheet(plan: Plan, index: int) -> Row:
    """A week of time entries."""
    rng = RowRandom(plan.seed, "timesheet", index)
    status = rng.pick(("submitted", "approved", "returned"))
    first = day_number(plan.created("timesheets", index).date())
    row: Row = {
        "status": status,
        "timeEntries": [plan.ref("timeentries", index * 2), plan.ref("timeentries", index * 2 + 1)],
        "dateFrom": first,
        "dateTo": first + 6,
        "assignedModel": "User",
        "assignedId": plan.ref("users", index),
        "createdAt": plan.stamp("timesheets", index),
        "updatedAt": plan.stamp("timesheets", index, 5),
        "__v": 0,
    }
    if status == "approved":
        row |= {"approvedBy": plan.id("users", 0), "dateOfApproval": plan.stamp("timesheets", index, 5)}
    return row
