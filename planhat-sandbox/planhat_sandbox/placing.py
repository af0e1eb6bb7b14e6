"""Which company a written row belongs to: by id, by key, by domain (B22, B86)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["company_of_address", "named_company", "place_person"]

_PREFIXES = {"extid-": "externalId", "srcid-": "sourceId"}


def named_company(tenant: Tenant, name: Value) -> str | None:
    """The id of the company that an ``_id``, ``extid-…`` or ``srcid-…`` means, None when there is none."""
    companies, text = tenant.store["companies"], str(name)
    prefix = text[:6]
    if prefix in _PREFIXES:
        return next(iter(companies.find(_PREFIXES[prefix], text[6:])), None)
    return text if text in companies else None


def company_of_address(tenant: Tenant, address: Value) -> str | None:
    """The company that owns the domain of an e-mail address, or the domain itself."""
    domain = str(address).rpartition("@")[2].casefold()
    return next(iter(tenant.store["companies"].find("domains", domain)), None)


def place_person(tenant: Tenant, row: Row) -> None:
    """Names the enduser an address belongs to, with the company, where the row does not (NPS answers)."""
    endusers = tenant.store["endusers"]
    found = endusers.find("email", row.get("email"))
    if found:
        row.setdefault("euId", found[0])
        row.setdefault("cId", endusers.column("companyId")[found[0]])
