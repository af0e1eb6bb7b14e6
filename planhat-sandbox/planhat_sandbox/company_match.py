"""Finds the company of a row that is written (B22, B86, B89)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox.email_case import rows_with
from planhat_sandbox.outcomes import Outcome, RowError, key_text

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["CompanyMatcher", "company_of_address", "match_person", "named_company"]

_PREFIXES = {"extid-": "externalId", "srcid-": "sourceId"}
_EXTERNAL = "companyExternalId"


def named_company(tenant: Tenant, name: Value) -> str | None:
    """The id of the company with this ``_id``, ``extid-…`` or ``srcid-…``; None if there is none."""
    companies, text = tenant.store["companies"], str(name)
    prefix = text[:6]
    if prefix in _PREFIXES:
        return next(iter(companies.find(_PREFIXES[prefix], text[6:])), None)
    return text if text in companies else None


def company_of_address(tenant: Tenant, address: Value) -> str | None:
    """The company with the domain of an email address, or with a domain."""
    domain = str(address).rpartition("@")[2].casefold()
    return next(iter(tenant.store["companies"].find("domains", domain)), None)


def match_person(tenant: Tenant, row: Row) -> None:
    """Set the enduser with the row's email address and its company, if the row does not name them (NPS answers)."""
    endusers = tenant.store["endusers"]
    found = rows_with(endusers, "email", row.get("email"), tenant.switches)
    if found:
        row.setdefault("euId", found[0])
        row.setdefault("cId", endusers.column("companyId")[found[0]])


class CompanyMatcher:
    """Finds the companies of the rows of one model. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, model: Model) -> None:
        """Take the tenant and the model of the rows."""
        self._tenant = tenant
        self._model = model
        self._field = (model.company or "").removesuffix("[]") if model.path != "companies" else ""

    def with_company(self, item: Row) -> Row:
        """The item with the id of its company, if a field names it by id or by key.

        Raises:
            RowError: There is no such company.
        """
        if self._model.company_lookup is not None:
            return self._named_by_fields(item, self._model.company_lookup.fields)
        external = key_text(item.get(_EXTERNAL))
        if self._model.path == "conversations" and external is not None and not item.get(self._field):
            item = {**item, self._field: f"extid-{external}"}
        value = item.get(self._field)
        if not self._field or _absent(value):
            return item
        if isinstance(value, list) and str(self._model.company).endswith("[]"):
            return {**item, self._field: [self._company_id(found) for found in value]}
        return {**item, self._field: self._company_id(value)}

    def with_company_of_address(self, item: Row) -> Row:
        """The item of a new row. If no field names a company, it gets the company of its email address (B86).

        Raises:
            RowError: It belongs to no company. Planhat does not store such a row, and gives no error (B89).
        """
        lookup = self._model.company_lookup
        if lookup is None or item.get(self._field):
            return item
        found = company_of_address(self._tenant, item[lookup.address]) if item.get(lookup.address) else None
        if found is not None:
            return {**item, self._field: found}
        text = f"{self._field} required"
        refused = self._tenant.switches["enduser_without_company"] == "refused"
        raise RowError(text, None if refused else Outcome.VANISHED)

    def _named_by_fields(self, item: Row, fields: tuple[str, ...]) -> Row:
        """The item with the company in its own field only; the other fields that can name it are not stored (B89)."""
        rest = {name: value for name, value in item.items() if name not in fields}
        for name in fields:
            value = item.get(name)
            if _absent(value):
                continue
            found = named_company(self._tenant, f"extid-{value}" if name == _EXTERNAL else value)
            if found is not None:
                return {**rest, self._field: found}
            if name == self._field and self._tenant.switches["enduser_of_unknown_company"] == "refused":
                return {**rest, self._field: self._company_id(value)}
        emptied = self._field in item and _absent(item[self._field])
        return {**rest, self._field: item[self._field]} if emptied else rest

    def _company_id(self, value: Value) -> str:
        found = named_company(self._tenant, value)
        if found is None:
            text = f"{self._field} matches no company: {value}"
            raise RowError(text)
        return found


def _absent(value: Value) -> bool:
    return value is None or value == ""
