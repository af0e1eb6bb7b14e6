"""Which company a written row belongs to: by id, by key, by domain (B22, B86, B89)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox.addresses import rows_with
from planhat_sandbox.outcomes import Fate, RowError, key_text

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["Placer", "company_of_address", "named_company", "place_person"]

_PREFIXES = {"extid-": "externalId", "srcid-": "sourceId"}
_EXTERNAL = "companyExternalId"


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
    found = rows_with(endusers, "email", row.get("email"), tenant.switches)
    if found:
        row.setdefault("euId", found[0])
        row.setdefault("cId", endusers.column("companyId")[found[0]])


class Placer:
    """Finds the companies of the rows of one model. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, model: Model) -> None:
        """Args: tenant: Whose companies. model: What the rows are."""
        self._tenant = tenant
        self._model = model
        self._field = (model.company or "").removesuffix("[]") if model.path != "companies" else ""

    def with_company(self, item: Row) -> Row:
        """The item with its company as an id, where a field names it by id or by key.

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

    def placed(self, item: Row) -> Row:
        """The item of a new row, in the company of its address where no field names one (B86).

        Raises:
            RowError: It belongs to no company. Planhat does not keep such a row and says nothing (B89).
        """
        placing = self._model.company_lookup
        if placing is None or item.get(self._field):
            return item
        found = company_of_address(self._tenant, item[placing.address]) if item.get(placing.address) else None
        if found is not None:
            return {**item, self._field: found}
        text = f"{self._field} required"
        refused = self._tenant.switches["enduser_without_company"] == "refused"
        raise RowError(text, None if refused else Fate.VANISHED)

    def _named_by_fields(self, item: Row, fields: tuple[str, ...]) -> Row:
        """The company under its own field only: the others that can name it are no fields of the row (B89)."""
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
