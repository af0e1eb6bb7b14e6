"""Changes other rows as a consequence of a write (B85, B87)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.models.registry import model as model_of
from planhat_sandbox import derived_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox.store import Row
    from planhat_sandbox.tenant import Tenant

__all__ = ["after_write"]

_DONE = "Done"


def after_write(tenant: Tenant, path: str, before: Row | None, after: Row) -> None:
    """Apply the effects of a row that was created (without ``before``) or changed."""
    effect = _EFFECTS.get(path)
    if effect is not None:
        effect(tenant, before, after)


def _task(tenant: Tenant, before: Row | None, after: Row) -> None:
    """Archive a task that an update sets to done, and create a conversation with the same id (B87)."""
    if before is None or before.get("status") == _DONE or after.get("status") != _DONE:
        return
    after["isArchived"] = True
    after.setdefault("dateDone", tenant.clock.stamp())
    tenant.store["tasks"].put(after)
    shared = ("_id", "companyId", "companyName", "description", "snippet")
    talk = {name: after[name] for name in shared if name in after}
    talk |= {"subject": after.get("action"), "taskId": after["_id"], "date": after["dateDone"]}
    derived_fields.fill_in(tenant, model_of("conversations"), talk, frozenset(talk), new=True)
    tenant.store["conversations"].put(talk)


def _license(tenant: Tenant, before: Row | None, after: Row) -> None:
    """Update revenue and status of the company; a new license creates an invoice, unless it says not to (B85)."""
    companies, licenses = tenant.store["companies"], tenant.store["licenses"]
    company = companies.get(str(after.get("companyId")))
    if company is None:
        return
    held = [licenses.get(found) or {} for found in licenses.find("companyId", company["_id"])]
    mrr = sum(found.get("mrr") or 0 for found in held if found.get("renewalStatus") != "lost")
    company |= {"mrr": mrr, "arr": mrr * 12, "status": "customer" if mrr else "canceled"}
    derived_fields.set_change_time(tenant, model_of("companies"), company)
    companies.put(company)
    if before is None and not after.get("invoicesGenerated"):
        _make_invoice(tenant, after)


def _make_invoice(tenant: Tenant, contract: Row) -> None:
    line = {"licenseId": contract["_id"], "product": contract.get("product"), "amount": contract.get("value")}
    invoice: Row = {
        "_id": tenant.ids.make(),
        "cId": contract["companyId"],
        "currency": contract.get("_currency"),
        "invoiceDate": tenant.clock.today(),
        "dueDate": tenant.clock.today() + 30,
        "amountTotal": contract.get("value") or 0,
        "lineItems": [line],
    }
    derived_fields.fill_in(tenant, model_of("invoices"), invoice, frozenset(invoice), new=True)
    tenant.store["invoices"].put(invoice)


_EFFECTS: dict[str, Callable[[Tenant, Row | None, Row], None]] = {"licenses": _license, "tasks": _task}
