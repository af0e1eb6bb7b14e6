"""Writes tickets, which are conversations with other field names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.models.registry import model as model_of
from planhat_sandbox.company_match import company_of_address, named_company
from planhat_sandbox.derived_fields import snippet
from planhat_sandbox.email_case import rows_with
from planhat_sandbox.outcomes import Outcome, Result, RowError, key_text
from planhat_sandbox.upsert import Upsert
from planhat_sandbox.values import DROPPED, InvalidValueError, written

if TYPE_CHECKING:
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["TicketUpsert"]

_TICKETS = model_of("tickets")
_KEPT = ("source", "description", "url", "tags", "severity", "product", "timeSpent", "status", "history", "email")
_RENAMED = {written_name: read for read, written_name in _TICKETS.written_as.items()}


class TicketUpsert:
    """Writes tickets of one tenant. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant) -> None:
        """Take the tenant."""
        self._tenant = tenant
        self._rows = tenant.store["conversations"]
        self._seen: set[str] = set()

    def item(self, item: Value) -> Result:
        """Upsert one ticket. A ticket without an email address is dropped without an error."""
        if not isinstance(item, dict):
            return Result(Outcome.INSERT_FAILED, item, error="An item must be an object")
        if not item.get("email"):
            return self._dropped(item)
        found: str | None = None
        try:
            self._check_repeated(item)
            self._check_permission(item)
            found = self._match(item)
            return self._write(found, item)
        except (RowError, InvalidValueError) as error:
            if getattr(error, "outcome", None) is Outcome.VANISHED:
                return self._dropped(item)
            outcome = getattr(error, "outcome", None) or (
                Outcome.INSERT_FAILED if found is None else Outcome.UPDATE_FAILED
            )
            return Result(outcome, item, row_id=found, error=str(error))

    def _dropped(self, item: Row) -> Result:
        """The result for a dropped ticket; the switch may say that the answer calls it created."""
        if self._tenant.switches["tickets_skipped"] == "counted_as_nothing":
            return Result(Outcome.VANISHED, item)
        row = {"_id": self._tenant.ids.make(), "externalId": key_text(item.get("sourceId"))}
        return Result(Outcome.CREATED, item, row["_id"], self._keys(row))

    def _check_repeated(self, item: Row) -> None:
        key = key_text(item.get("_id")) or key_text(item.get("sourceId"))
        if key is None or self._tenant.switches["repeated_key"] == "in_order":
            return
        if key in self._seen:
            text = "sourceId appears twice"
            raise RowError(text)
        self._seen.add(key)

    def _check_permission(self, item: Row) -> None:
        switch = "refused_creates" if self._match(item) is None else "refused_updates"
        if _TICKETS.path in self._tenant.switches.names(switch):
            text = f"The token may not write {_TICKETS.name}"
            raise RowError(text, Outcome.FORBIDDEN)

    def _match(self, item: Row) -> str | None:
        row_id = key_text(item.get("_id"))
        if row_id in self._rows:
            return row_id
        if row_id is not None and self._tenant.switches["unknown_id"] == "error":
            text = "_id matches nothing"
            raise RowError(text)
        source = key_text(item.get("sourceId"))
        types = self._rows.column("type")
        found = [row_id for row_id in self._rows.find("externalId", source) if types[row_id] == "ticket"]
        if not found and source is None:
            text = "sourceId required"
            raise RowError(text)
        return found[0] if found else None

    def _write(self, found: str | None, item: Row) -> Result:
        changes = self._changes(item)
        before = self._rows.get(found) if found else None
        row = {**(before or self._blank(item)), **changes}
        if "description" in changes:
            row["snippet"] = snippet(row.get("description"))
        if before is not None and all(row.get(name) == before.get(name) for name in changes):
            return Result(Outcome.UNCHANGED, item, found, self._keys(row))
        row["updateDate"] = self._tenant.clock.stamp()
        self._rows.put(row)
        return Result(Outcome.UPDATED if found else Outcome.CREATED, item, row["_id"], self._keys(row))

    def _changes(self, item: Row) -> Row:
        refused = sorted((_TICKETS.read_only - {"_id"}) & set(item))
        if refused and self._tenant.switches["read_only_fields"] == "refused":
            text = f"{refused[0]} cannot be set"
            raise RowError(text)
        changes: Row = {}
        for name in (*_KEPT, *_RENAMED):
            if name not in item:
                continue
            value = written(name, item[name], _TICKETS.properties[name], self._tenant.switches)
            if value is not DROPPED:
                changes[_RENAMED.get(name, name)] = value
        return changes

    def _blank(self, item: Row) -> Row:
        company = self._company(item)
        now = self._tenant.clock.stamp()
        enduser = self._enduser(item, company)
        return {
            "_id": self._tenant.ids.make(),
            "type": "ticket",
            "subType": "ticket",
            "companyId": company,
            "companyName": self._tenant.name_of("companies", company),
            "createDate": now,
            "date": now,
            "inDate": now,
            "days": self._tenant.clock.today(),
            "endusers": [{"id": enduser, "name": self._tenant.name_of("endusers", enduser)}],
            "users": [],
            "sender": [],
            "tags": [],
            "activityTags": [],
            "emailTemplateIds": [],
            "custom": {},
            "starred": False,
            "pinned": False,
            "archived": False,
            "isOpen": False,
            "waitsToBeFiltered": False,
        }

    def _company(self, item: Row) -> str:
        """The company by id, by external id or by domain, else the company of the submitter."""
        if item.get("companyId"):
            return self._named(item["companyId"], "companyId")
        if item.get("companyExternalId"):
            return self._named(f"extid-{item['companyExternalId']}", "companyExternalId")
        for address in (*(item.get("domains") or ()), item["email"]):
            found = company_of_address(self._tenant, address)
            if found is not None:
                return found
        endusers = self._tenant.store["endusers"]
        for row_id in rows_with(endusers, "email", item["email"], self._tenant.switches):
            return str(endusers.column("companyId")[row_id])
        text = "domains or companyExternalId required"
        ignored = self._tenant.switches["ticket_without_company"] == "ignored"
        raise RowError(text, Outcome.VANISHED if ignored else None)

    def _named(self, name: str, field: str) -> str:
        found = named_company(self._tenant, name)
        if found is None:
            text = f"{field} matches no company"
            raise RowError(text)
        return found

    def _enduser(self, item: Row, company: str) -> str:
        """The submitter, who is created if no enduser has the email address."""
        endusers = self._tenant.store["endusers"]
        found = rows_with(endusers, "email", item["email"], self._tenant.switches)
        if found:
            return found[0]
        first, _, last = str(item.get("name") or "").partition(" ")
        person = {"email": item["email"], "companyId": company, "firstName": first, "lastName": last}
        created = Upsert(self._tenant, model_of("endusers")).create(person)
        return str(created["_id"])

    def _keys(self, row: Row) -> dict[str, str]:
        keys: dict[str, str] = {"_id": row["_id"]}
        if row.get("externalId") and self._tenant.switches["answer_keys"] == "all":
            keys["sourceId"] = row["externalId"]
        return keys
