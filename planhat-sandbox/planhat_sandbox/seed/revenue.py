"""Generates products, licenses, sales, invoices, opportunities, deals, line items and churn logs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from planhat_sandbox.clock import day_number, iso
from planhat_sandbox.seed import words
from planhat_sandbox.seed.accounts import company_name, company_of
from planhat_sandbox.seed.custom_fields import custom_of
from planhat_sandbox.seed.row_random import RowRandom, one_in

if TYPE_CHECKING:
    from planhat_sandbox.seed.plan import Plan
    from planhat_sandbox.store import Row

__all__ = ["churn", "deal", "invoice", "license_", "line_item", "opportunity", "product", "sale"]


def _of_company(plan: Plan, index: int) -> Row:
    owner = company_of(plan, index)
    return {"companyId": plan.id("companies", owner), "companyName": company_name(plan, owner)}


def _keys(kind: str, index: int) -> Row:
    """Keys of a row. Each key is missing in a third of the rows."""
    keys: Row = {}
    if index % 3 != 1:
        keys["externalId"] = f"{kind}-{index + 1}"
    if not one_in(3, index, 2):
        keys["sourceId"] = f"crm-{kind}-{index + 1}"
    return keys


def product(plan: Plan, index: int) -> Row:
    """A product of the catalogue."""
    mrr = 50 * (index + 1)
    return {
        "name": words.PRODUCTS[index % len(words.PRODUCTS)],
        **_keys("product", index),
        "type": "fee" if one_in(4, index, 3) else "subscription",
        "mrr": mrr,
        "arr": mrr * 12,
        "currency": "EUR",
        "fixedPeriod": True,
        "autoRenews": index % 2 == 0,
        "length": 12,
        "packages": [],
        "createdAt": plan.stamp("products", index),
        "updatedAt": plan.stamp("products", index, 30),
        **custom_of(plan, "products", index),
    }


def license_(plan: Plan, index: int) -> Row:
    """A license of twelve months. Some have a repeating decimal as mrr."""
    rng = RowRandom(plan.seed, "license", index)
    start = plan.created("licenses", index).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start.replace(year=start.year + 1, day=min(start.day, 28)) - timedelta(days=1)
    value = rng.pick((1000, 1200, 6000, 12_500, 48_000))
    return {
        **_of_company(plan, index),
        **_keys("license", index),
        "product": rng.pick(words.PRODUCTS),
        "_currency": rng.pick(words.CURRENCIES),
        "fromDate": iso(start),
        "toDate": iso(end),
        "fixedPeriod": True,
        "length": 12,
        "value": value,
        "mrr": value / 12,
        "arr": value,
        "renewalStatus": rng.pick(("ongoing", "renewed", "lost")),
        "renewalPeriod": 12,
        "renewalUnit": "month",
        "renewalDate": iso(end),
        "renewalDaysFromNow": day_number(end.date()) - plan.today,
        "isOverdue": day_number(end.date()) < plan.today,
        "autoRenews": rng.chance(60),
        "noticePeriod": None,
        "noticeUnit": None,
        "issues": None,
        "invoicesGenerated": True,
        "invoiceMuted": False,
        "toDateIncluded": True,
        **custom_of(plan, "licenses", index),
        "__v": 0,
    }


def sale(plan: Plan, index: int) -> Row:
    """A one-off sale."""
    rng = RowRandom(plan.seed, "sale", index)
    return {
        **_of_company(plan, index),
        **_keys("sale", index),
        "product": rng.pick(words.PRODUCTS),
        "_currency": rng.pick(words.CURRENCIES),
        "salesDate": plan.stamp("sales", index)[:10] + "T00:00:00.000Z",
        "value": rng.between(1, 900) * 10,
        **custom_of(plan, "sales", index),
        "__v": 0,
    }


def invoice(plan: Plan, index: int) -> Row:
    """An invoice. Its dates are days since 1970-01-01."""
    rng = RowRandom(plan.seed, "invoice", index)
    owner = company_of(plan, index)
    day = day_number(plan.created("invoices", index).date())
    total, paid = rng.between(1, 500) * 100, rng.chance(60)
    row: Row = {
        "cId": plan.id("companies", owner),
        "cName": company_name(plan, owner),
        "invoiceNo": index // plan.counts["companies"] + 1,
        "invoiceDate": day,
        "dueDate": day + 30,
        "amountTotal": total,
        "amountPaid": total if paid else 0,
        "amountDue": 0 if paid else total,
        "status": "paid" if paid else rng.pick(("pending", "overdue")),
        "product": rng.pick(words.PRODUCTS),
        "lineItems": [
            {
                "_id": plan.id("other", 1_000 + index),
                "licenseId": plan.ref("licenses", index),
                "product": rng.pick(words.PRODUCTS),
                "amount": total,
                "dateFrom": day,
                "dateTo": day + 365,
            }
        ],
        "emails": [],
        "comments": [],
        "lastUpdated": plan.stamp("invoices", index, 3),
        "updatedAt": plan.stamp("invoices", index, rng.below(100)),
        **custom_of(plan, "invoices", index),
        "__v": 0,
    }
    if paid:
        row["paidDate"] = day + rng.between(1, 40)
    if not one_in(13, index, 12):
        row["currency"] = rng.pick(words.CURRENCIES)
    if index % 3 != 1:
        row["extId"] = f"inv-{index + 1}"
    if not one_in(3, index, 2):
        row["sourceId"] = f"crm-inv-{index + 1}"
    return row


def opportunity(plan: Plan, index: int) -> Row:
    """An opportunity, open or closed."""
    rng = RowRandom(plan.seed, "opportunity", index)
    status = rng.pick(("active", "won", "lost"))
    mrr = rng.between(1, 90) * 10
    row: Row = {
        **_of_company(plan, index),
        **_keys("opp", index),
        "title": f"{rng.pick(words.PRODUCTS)} / {rng.pick(words.PLANS)}",
        "status": status,
        "salesStage": rng.pick(words.STAGES),
        "dealDate": plan.stamp("opportunities", index, 5),
        "_currency": rng.pick(words.CURRENCIES),
        "ownerId": plan.ref("users", rng.below(60)),
        "mrr": mrr,
        "arr": mrr * 12,
        "nrr": rng.pick((0, 300, 1500.75)),
        "contractLength": 12,
        "stageHistory": [{"stage": "Qualified", "to": plan.stamp("opportunities", index, 3)}],
        "comments": [],
        "createdAt": None if rng.chance(10) else plan.stamp("opportunities", index),
        "updatedAt": None if rng.chance(10) else plan.stamp("opportunities", index, rng.below(90)),
        **custom_of(plan, "opportunities", index),
        "__v": 0,
    }
    if status != "active":
        row |= {
            "closeDate": plan.stamp("opportunities", index, 60),
            "landingDate": plan.stamp("opportunities", index, 60),
        }
    return row


def deal(plan: Plan, index: int) -> Row:
    """A deal. Its line items contain its amounts."""
    rng = RowRandom(plan.seed, "deal", index)
    mrr = rng.between(1, 90) * 10
    return {
        **_of_company(plan, index),
        **_keys("deal", index),
        "name": f"{rng.pick(words.PRODUCTS)} {index + 1}",
        "stage": rng.pick(words.STAGES),
        "ownerId": plan.ref("users", rng.below(60)),
        "followers": [],
        "mrr": mrr,
        "arr": mrr * 12,
        "total": mrr * 12,
        "fees": 0,
        "currency": rng.pick(words.CURRENCIES),
        "closeDate": plan.stamp("deals", index, 45),
        "renewalDate": plan.stamp("deals", index, 410),
        "startDate": plan.stamp("deals", index, 45),
        "endDate": plan.stamp("deals", index, 410),
        "subscriptions": 1,
    }


def line_item(plan: Plan, index: int) -> Row:
    """A line item of a deal."""
    rng = RowRandom(plan.seed, "line item", index)
    number = index % plan.counts["deals"]
    mrr = rng.between(1, 50) * 10
    catalogued = rng.below(plan.counts["products"])
    row: Row = {
        "dealId": plan.id("deals", number),
        "companyId": plan.id("companies", company_of(plan, number)),
        "productId": plan.id("products", catalogued),
        "productName": words.PRODUCTS[catalogued % len(words.PRODUCTS)],
        "fixedPeriod": True,
        "fromDate": plan.stamp("deals", number, 45),
        "toDate": plan.stamp("deals", number, 410),
        "length": 12,
        "mrr": mrr,
        "arr": mrr * 12,
        "value": mrr * 12,
        "status": rng.pick(("ongoing", "renewed", "lost")),
        **custom_of(plan, "lineitems", index),
    }
    if index % 4:
        row["externalId"] = f"line-{index + 1}"
    return row


def churn(plan: Plan, index: int) -> Row:
    """A churn or downgrade log."""
    rng = RowRandom(plan.seed, "churn", index)
    value = rng.between(1, 90) * 100
    row: Row = {
        **_of_company(plan, index * 5),
        "churnDate": plan.stamp("churn", index)[:10] + "T00:00:00.000Z",
        "reasons": rng.some(words.REASONS, 2),
        "products": rng.some(words.PRODUCTS, 2),
        "value": value,
        "arr": value,
        "currency": rng.pick(words.CURRENCIES),
        "comment": rng.pick(words.SENTENCES),
        "onlyDowngrade": rng.chance(30),
        "snoozed": False,
        "createdAt": plan.stamp("churn", index),
        "updatedAt": plan.stamp("churn", index, rng.below(50)),
        **custom_of(plan, "churn", index),
    }
    if index % 2:
        row["sourceId"] = f"crm-churn-{index + 1}"
    return row
