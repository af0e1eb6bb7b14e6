"""Sets the fields that Planhat fills in itself when a row is created or changed."""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from planhat_sandbox.clock import day_number
from planhat_sandbox.company_match import match_person

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api.models.registry import Model
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["fill_in", "set_change_time", "snippet", "time_buckets"]

_TAG = re.compile(r"<[^>]*>")
_RESERVED_TYPES = frozenset({"note", "email", "chat", "ticket", "call"})
_CHANGE_STAMPS = ("updatedAt", "lastUpdated", "updateDate")
_CREATE_STAMPS = ("createdAt", "createDate")
_API_USER = "API user"


def snippet(html: object) -> str:
    """A text without its HTML tags."""
    return _TAG.sub("", str(html or "")).strip()


def time_buckets(day: date) -> list[str]:
    """Year, quarter, month and week, as in conversations."""
    quarter = (day.month - 1) // 3 + 1
    return [str(day.year), f"{day.year}-Q{quarter}", f"{day.year}-{day.month}", f"{day.year}-W{day.isocalendar()[1]}"]


def set_change_time(tenant: Tenant, model: Model, row: Row) -> None:
    """Set the fields with the time of a row's last change."""
    for name in _CHANGE_STAMPS:
        if name in model.properties:
            row[name] = tenant.clock.stamp()


def fill_in(tenant: Tenant, model: Model, row: Row, changed: frozenset[str], *, new: bool) -> None:
    """Fill in the fields of the server; ``changed`` names the fields that the caller wrote."""
    if new:
        stamp = tenant.clock.stamp()
        for name in (*_CREATE_STAMPS, *_CHANGE_STAMPS):
            if name in model.properties:
                row.setdefault(name, stamp)
        for name, value in _DEFAULTS.get(model.path, {}).items():
            row.setdefault(name, list(value) if isinstance(value, list) else value)
        if "__v" in model.properties:
            row["__v"] = 0
    _company_name(tenant, model, row)
    if "snippet" in model.properties and "description" in changed:
        row["snippet"] = snippet(row.get("description"))
    own = _OWN.get(model.path)
    if own is not None:
        own(tenant, row, changed)


def _company_name(tenant: Tenant, model: Model, row: Row) -> None:
    field = model.company or ""
    if field in {"companyId", "cId"}:
        shown = "cName" if field == "cId" else "companyName"
        name = tenant.name_of("companies", row.get(field))
        if shown in model.properties and name is not None:
            row[shown] = name


def _enduser(_tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    if changed & {"firstName", "lastName"}:
        row["name"] = " ".join(part for part in (row.get("firstName"), row.get("lastName")) if part)
    if row.get("email"):
        row["emailMd5"] = hashlib.md5(str(row["email"]).encode(), usedforsecurity=False).hexdigest()


def _license(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    months = _months(row.get("fromDate"), row.get("toDate"))
    if months:
        row["length"] = months
        if "mrr" in changed and row.get("mrr") is not None:
            row["value"] = row["mrr"] * months
        elif "value" in changed and row.get("value") is not None:
            row["mrr"] = row["value"] / months
    if row.get("mrr") is not None and "arr" not in changed:
        row["arr"] = row["mrr"] * 12
    if row.get("toDate"):
        row["renewalDate"] = row["toDate"]
        row["renewalDaysFromNow"] = day_number(date.fromisoformat(row["toDate"][:10])) - tenant.clock.today()
        row["isOverdue"] = row["renewalDaysFromNow"] < 0


def _months(start: Value, end: Value) -> int:
    if not start or not end:
        return 0
    first, last = date.fromisoformat(start[:10]), date.fromisoformat(end[:10]) + timedelta(days=1)
    return max(0, (last.year - first.year) * 12 + last.month - first.month)


def _line_item(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    if "mrr" in changed and row.get("mrr") is not None:
        row["arr"] = row["mrr"] * 12
    elif "arr" in changed and row.get("arr") is not None:
        row["mrr"] = row["arr"] / 12
    deals = tenant.store["deals"]
    if row.get("dealId") in deals:
        row.setdefault("companyId", deals.column("companyId")[row["dealId"]])
    if row.get("productId"):
        name = tenant.name_of("products", row["productId"])
        if name is not None:
            row["productName"] = name


def _nps(tenant: Tenant, row: Row, _changed: frozenset[str]) -> None:
    match_person(tenant, row)


def _conversation(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    if row.get("type") not in _RESERVED_TYPES:
        row["type"] = "note"
    if not row.get("date"):
        row["date"] = tenant.clock.stamp()
    day = date.fromisoformat(str(row["date"])[:10])
    row["days"], row["timeBucket"] = day_number(day), time_buckets(day)
    if "users" in changed:
        row["users"] = [_named(tenant, "users", "nickName", item) for item in row.get("users") or ()]
        row["userIds"] = [item.get("id") for item in row["users"]]
    if "endusers" in changed:
        row["endusers"] = [_named(tenant, "endusers", "name", item) for item in row.get("endusers") or ()]


def _named(tenant: Tenant, path: str, field: str, item: Value) -> Row:
    link = dict(item) if isinstance(item, dict) else {"id": item}
    name = tenant.name_of(path, link.get("id"), field)
    if name is not None:
        link["name"] = name
    if path == "users":
        link.setdefault("isOwner", False)
    return link


def _issue(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    for ids, shown, path in (("companyIds", "companies", "companies"), ("enduserIds", "endusers", "endusers")):
        if ids in changed:
            named = [found for found in row.get(ids) or () if isinstance(found, str)]
            row[shown] = [{"id": found, "name": tenant.name_of(path, found)} for found in named]


def _task(tenant: Tenant, row: Row, _changed: frozenset[str]) -> None:
    if row.get("ownerId"):
        row["ownerName"] = tenant.name_of("users", row["ownerId"], "nickName")


def _time_entry(_tenant: Tenant, row: Row, _changed: frozenset[str]) -> None:
    if row.get("date"):
        row["date"] = f"{row['date'][:10]}T00:00:00.000Z"
    row["totalBilled"] = (row.get("hours") or 0) * (row.get("billableRate") or 0)
    row["totalCost"] = (row.get("hours") or 0) * (row.get("costRate") or 0)


def _timesheet(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    if "timeEntries" in changed:
        row["timeEntries"] = [item.get("_id") if isinstance(item, dict) else item for item in row["timeEntries"] or ()]
    if "status" in changed and row.get("status") == "approved" and not row.get("dateOfApproval"):
        row["dateOfApproval"] = tenant.clock.stamp()
        row.setdefault("approvedBy", next(iter(tenant.store["users"].ids()), None))


def _invoice(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    if row.get("invoiceNo") is None:
        row["invoiceNo"] = tenant.next_invoice(str(row.get("cId")))
    if "lineItems" in changed:
        row["lineItems"] = [
            {"_id": tenant.ids.make()} | {name: value for name, value in item.items() if name != "relatedId"}
            for item in row.get("lineItems") or ()
            if isinstance(item, dict)
        ]
    if changed & {"amountTotal", "paidDate"}:
        paid = row.get("paidDate") is not None
        total = row.get("amountTotal") or 0
        row["amountPaid"], row["amountDue"] = (total, 0) if paid else (0, total)


def _opportunity(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    if "status" in changed and row.get("status") in {"won", "lost"}:
        row.setdefault("closeDate", tenant.clock.stamp())
        row.setdefault("landingDate", row["closeDate"])


def _asset(tenant: Tenant, row: Row, changed: frozenset[str]) -> None:
    if "ownerId" in changed:
        row["ownerName"] = tenant.name_of("users", row.get("ownerId"), "nickName")


_OWN: dict[str, Callable[[Tenant, Row, frozenset[str]], None]] = {
    "assets": _asset,
    "conversations": _conversation,
    "endusers": _enduser,
    "invoices": _invoice,
    "issues": _issue,
    "licenses": _license,
    "lineitems": _line_item,
    "nps": _nps,
    "opportunities": _opportunity,
    "tasks": _task,
    "timeentries": _time_entry,
    "timesheets": _timesheet,
}

_DEFAULTS: dict[str, Row] = {
    "companies": {"status": "prospect", "phase": "", "tags": [], "followers": [], "products": []},
    "conversations": {
        "type": "note",
        "starred": False,
        "pinned": False,
        "archived": False,
        "isOpen": False,
        "waitsToBeFiltered": True,
        "autoTags": [],
        "tags": [],
        "emailTemplateIds": [],
        "sender": [],
        "history": [],
        "users": [],
        "userIds": [],
        "endusers": [],
        "activityTags": [],
        "nickName": _API_USER,
    },
    "customfields": {"listValues": [], "filter": [], "formulaRefs": [], "isShared": False},
    "endusers": {"archived": False, "featured": False, "primary": False, "otherEmails": [], "tags": []},
    "invoices": {"status": "pending", "emails": [], "comments": []},
    "issues": {
        "companyIds": [],
        "companies": [],
        "enduserIds": [],
        "endusers": [],
        "companyMatchingValue": [],
        "conversationIds": [],
        "archived": False,
    },
    "licenses": {
        "fixedPeriod": False,
        "autoRenews": False,
        "renewalPeriod": 1,
        "renewalUnit": "month",
        "renewalStatus": "ongoing",
        "invoicesGenerated": False,
        "invoiceMuted": False,
        "issues": None,
        "noticePeriod": None,
        "noticeUnit": None,
    },
    "lineitems": {"status": "ongoing"},
    "opportunities": {"status": "active", "contractLength": 12, "stageHistory": [], "comments": []},
    "products": {"type": "subscription"},
    "tasks": {
        "shared": False,
        "overdueNotified": False,
        "activityTags": [],
        "isArchived": False,
        "status": "In-progress",
        "endusers": [],
        "users": [],
        "checklist": [],
    },
    "timeentries": {"timesheetStatus": "draft", "assignedModel": "User", "path": []},
    "timesheets": {"status": "submitted", "assignedModel": "User", "timeEntries": []},
    "users": {
        "inactive": True,
        "removed": False,
        "isHidden": False,
        "image": {"path": ""},
        "type": "user",
        "taskFilter": "",
        "companyFilter": "",
        "workflowFilter": "",
        "defaultMeetingLength": 60,
        "isExposedAsSenderOption": False,
        "roles": [],
        "managers": [],
        "teams": [],
    },
}
