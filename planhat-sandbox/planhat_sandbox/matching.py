"""Finds the stored row that an item matches (B57 to B64)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox.email_case import compared, rows_with
from planhat_sandbox.outcomes import Outcome, RowError, key_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model
    from planhat_sandbox.store import Collection, Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["Matcher"]

# Keys that are unique within a company only, except for companies themselves (B62).
_COMPANY_KEYS = frozenset({"externalId", "extId"})


class Matcher:
    """Matches the items of one request with the rows of one model. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, model: Model) -> None:
        """Take the tenant and the model of the rows."""
        self._keyables = _keyables(model, tenant.switches["unconfirmed_keys"])
        self._name = model.name
        self._rows: Collection = tenant.store[model.path]
        self._switches = tenant.switches
        self._company = None if model.path == "companies" else model.company
        self._seen: set[tuple[str, str, Value]] = set()
        own = ("email",) if model.path == "users" else ()
        keys = {"sourceId", "externalId", "extId", *own} - (set(model.keyables) - set(self._keyables))
        self._unique = [name for name in model.properties if name in keys]

    def keys(self, row: Row) -> dict[str, str]:
        """The keys of a row in a bulk answer."""
        wanted = self._keyables if self._switches["answer_keys"] == "all" else ()
        return {"_id": row["_id"], **{name: row[name] for name in wanted if row.get(name)}}

    def match(self, item: Row) -> str | None:
        """The id of the row that the item matches; None for a new one. References to companies are already ids.

        Raises:
            RowError: The key is ambiguous, unknown, repeated, or would change a higher one.
        """
        self._check_repeated(item)
        for name in self._keyables:
            key = key_text(item.get(name))
            if key is None:
                continue
            found = self._by_key(name, key, item)
            if found is not None:
                self._check_higher_keys(found, name, item)
            if found is not None or self._switches["key_search"] == "first_key":
                return found
        return None

    def taken(self, row: Mapping[str, Value], before: Mapping[str, Value]) -> list[str]:
        """The unique keys of a row that another row has, without those that it had ``before`` in the same company."""
        moved = self._company is not None and row.get(self._company) != before.get(self._company)
        names = [name for name in self._unique if row.get(name) and (moved or row[name] != before.get(name))]
        return [name for name in names if self._others(name, row)]

    def _others(self, name: str, row: Mapping[str, Value]) -> list[str]:
        same = rows_with(self._rows, name, row[name], self._switches)
        others = [found for found in same if found != row["_id"]]
        if not others or self._company is None or name not in _COMPANY_KEYS:
            return others
        companies = self._rows.column(self._company)
        return [found for found in others if companies[found] == row.get(self._company)]

    def _check_repeated(self, item: Row) -> None:
        """Check only the key that decides. Equal keys in different companies are different keys."""
        if self._switches["repeated_key"] == "in_order":
            return
        for name in self._keyables:
            key = key_text(item.get(name))
            if key is None:
                continue
            scope = item.get(self._company) if self._company and name not in {"_id", "sourceId"} else None
            seen = (name, compared(name, key, self._switches), scope)
            if seen in self._seen:
                text = f"{name} appears twice"
                raise RowError(text)
            self._seen.add(seen)
            return

    def _check_higher_keys(self, row_id: str, matched_on: str, item: Row) -> None:
        """A key can only be changed through one of higher priority (B59)."""
        higher = self._keyables[: self._keyables.index(matched_on)]
        for name in higher:
            key = key_text(item.get(name))
            if key is not None and key != self._rows.column(name)[row_id]:
                text = f"{name} can only be changed through a key of higher priority"
                raise RowError(text, Outcome.UPDATE_FAILED)

    def _by_key(self, name: str, key: str, item: Row) -> str | None:
        if name == "_id":
            return self._by_id(key)
        found = self._of_company(name, rows_with(self._rows, name, key, self._switches), item)
        if len(found) > 1 and self._switches["ambiguous_key"] == "error":
            text = f"{name} matches more than one {self._name}"
            raise RowError(text)
        if len(found) > 1 and self._switches["ambiguous_key"] == "insert":
            return None
        return found[0] if found else None

    def _by_id(self, key: str) -> str | None:
        if key in self._rows:
            return key
        if self._switches["unknown_id"] == "error":
            text = "_id matches nothing"
            raise RowError(text)
        return None

    def _of_company(self, name: str, found: list[str], item: Row) -> list[str]:
        """The rows of the company the item names: all of them may share a key with rows of others."""
        if self._company is None or self._company not in item or name == "sourceId":
            return found
        companies = self._rows.column(self._company)
        of_company = [row_id for row_id in found if companies[row_id] == item[self._company]]
        # An address moves with its owner; an external id of another company is another key.
        return of_company if of_company or name in _COMPANY_KEYS else found


def _keyables(model: Model, position: str) -> tuple[str, ...]:
    left_out = model.unconfirmed_keyables if position == "ignored" else frozenset[str]()
    return tuple(name for name in model.keyables if name not in left_out)
