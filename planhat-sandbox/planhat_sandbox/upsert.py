"""Creates and updates single rows: matching on keys, uniqueness, required fields (B57 to B64)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from planhat_sandbox import derive
from planhat_sandbox.effects import after_write
from planhat_sandbox.placing import company_of_address, named_company
from planhat_sandbox.values import LEFT_OUT, UnfitValueError, custom_changes, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.registry import Model
    from planhat_sandbox.store import Collection, Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["Fate", "Result", "RowError", "Upsert", "key_text"]

_LEAST_HOURS, _MOST_HOURS = 0.1, 24
# Models whose bulk answer has validationErrors.
_VALIDATED = frozenset({"timeentries", "timesheets"})


class Fate(str, Enum):
    """What became of one item."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    INSERT_FAILED = "insert_failed"
    UPDATE_FAILED = "update_failed"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    VANISHED = "vanished"


class RowError(Exception):
    """A row that is refused; the text says why."""

    def __init__(self, text: str, fate: Fate | None = None) -> None:
        """Args: text: Why. fate: Which list the row belongs to, when it is not simply a failed insert or update."""
        super().__init__(text)
        self.fate = fate


@dataclass
class Result:
    """The fate of one item of a request."""

    fate: Fate
    item: Value
    row_id: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    error: str | None = None


def key_text(value: object) -> str | None:
    """A key as it is stored: text, also when a number was sent (B43). None when there is none."""
    if value is None or value == "" or isinstance(value, (dict, list, bool)):
        return None
    return str(value)


class Upsert:
    """Writes rows of one model. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, model: Model) -> None:
        """Args: tenant: Where the rows go. model: What they are."""
        self._tenant = tenant
        self._model = model
        self._rows: Collection = tenant.store[model.path]
        self._switches = tenant.switches
        self._seen: set[tuple[str, str]] = set()
        self._properties = dict(model.properties)
        self._forbidden_inserts = model.path in tenant.switches.names("refused_creates")
        self._forbidden_updates = model.path in tenant.switches.names("refused_updates")

    def item(self, item: Value) -> Result:
        """Upserts one item of a bulk request."""
        if not isinstance(item, dict):
            return Result(Fate.INSERT_FAILED, item, error="An item must be an object")
        found: str | None = None
        try:
            item = self._with_company(item)
            self._check_repeated(item)
            found, matched_on = self._match(item)
            if found is not None:
                self._check_higher_keys(found, matched_on, item)
            return self._insert(item) if found is None else self.update(found, item)
        except (RowError, UnfitValueError) as error:
            return Result(self._failed(error, found), item, row_id=found, error=str(error))

    def _failed(self, error: RowError | UnfitValueError, found: str | None) -> Fate:
        if isinstance(error, RowError) and error.fate is not None:
            return error.fate
        if isinstance(error, UnfitValueError) and self._model.path in _VALIDATED:
            return Fate.INVALID
        return Fate.INSERT_FAILED if found is None else Fate.UPDATE_FAILED

    def create(self, item: Row) -> Row:
        """Creates one row.

        Raises:
            RowError: Fields are missing, a key is taken, or the token may not.
            UnfitValueError: A value does not fit its field.
        """
        sent = {name: value for name, value in item.items() if name != "_id"}
        result = self._insert(self._with_company(sent))
        return self._stored(result)

    def change(self, row_id: str, item: Row) -> Row:
        """Updates one row; raises as ``create`` does."""
        return self._stored(self.update(row_id, self._with_company(item)))

    def _stored(self, result: Result) -> Row:
        row = self._rows.get(result.row_id or "")
        if row is None:
            raise RowError(result.error or "The row was not stored")
        return row

    # Matching

    def _check_repeated(self, item: Row) -> None:
        if self._switches["repeated_key"] == "in_order":
            return
        for name in self._model.keyables:
            key = key_text(item.get(name))
            if key is None:
                continue
            scope = self._scope(name, item)
            if (name + scope, key) in self._seen:
                text = f"{name} appears twice"
                raise RowError(text)
            self._seen.add((name + scope, key))
            return

    def _scope(self, name: str, item: Row) -> str:
        company = self._model.company
        if name in {"_id", "sourceId"} or not company or self._model.path == "companies":
            return ""
        return f"@{item.get(company)}"

    def _match(self, item: Row) -> tuple[str | None, str]:
        """The row the item means, and the key it was found by."""
        for name in self._model.keyables:
            key = key_text(item.get(name))
            if key is None:
                continue
            found = self._by_key(name, key, item)
            if found is not None or self._switches["key_search"] == "first_key":
                return found, name
        return None, ""

    def _check_higher_keys(self, row_id: str, matched_on: str, item: Row) -> None:
        """A key can only be changed through one of higher priority (B59)."""
        before = self._rows.get(row_id) or {}
        for name in self._model.keyables[: self._model.keyables.index(matched_on)]:
            key = key_text(item.get(name))
            if key is not None and key != before.get(name):
                text = f"{name} can only be changed through a key of higher priority"
                raise RowError(text)

    def _by_key(self, name: str, key: str, item: Row) -> str | None:
        if name == "_id":
            return self._by_id(key)
        found = self._rows.find(name, key)
        company = self._model.company
        if len(found) > 1 and company in item and name != "sourceId":
            of_companies = self._rows.column(company)
            found = [row_id for row_id in found if of_companies[row_id] == item[company]]
        if len(found) > 1 and self._switches["ambiguous_key"] == "error":
            text = f"{name} matches more than one {self._model.name}"
            raise RowError(text)
        if len(found) > 1 and self._switches["ambiguous_key"] == "insert":
            return None
        if found and self._elsewhere(name, found[0], item):
            return None
        return found[0] if found else None

    def _by_id(self, key: str) -> str | None:
        if key in self._rows:
            return key
        if self._switches["unknown_id"] == "error":
            text = "_id matches nothing"
            raise RowError(text)
        return None

    def _elsewhere(self, name: str, row_id: str, item: Row) -> bool:
        """Whether an externalId belongs to a row of another company than the item names (B62)."""
        company = self._model.company
        scoped = name in {"externalId", "extId"} and company is not None and company in item
        return scoped and self._rows.column(str(company))[row_id] != item[str(company)]

    # Writing

    def _insert(self, item: Row) -> Result:
        if self._forbidden_inserts:
            text = f"The token may not create {self._model.name}"
            raise RowError(text, Fate.FORBIDDEN)
        item = self._placed(item)
        self._check_required(item)
        row: Row = {"_id": self._tenant.ids.make()}
        changes = self._changes(item)
        self._check_ranges(changes)
        row |= {name: value for name, value in changes.items() if value is not None}
        custom = self._custom(item, {})
        if custom:
            row["custom"] = custom
        self._check_mandatory(custom)
        self._check_unique(row, row["_id"])
        derive.complete(self._tenant, self._model, row, frozenset(row), new=True)
        self._rows.put(row)
        after_write(self._tenant, self._model.path, None, row)
        return Result(Fate.CREATED, item, row["_id"], self._keys(row))

    def update(self, row_id: str, item: Row) -> Result:
        """Updates a row that is known to be there; raises as ``create`` does."""
        if self._forbidden_updates:
            text = f"The token may not update {self._model.name}"
            raise RowError(text, Fate.FORBIDDEN)
        before = self._rows.get(row_id) or {}
        changes = self._changes(item)
        self._check_ranges(changes)
        self._settle_keys(row_id, changes)
        after = {**before, **changes}
        custom = self._custom(item, before.get("custom") or {})
        if custom or before.get("custom"):
            after["custom"] = custom
        derive.complete(self._tenant, self._model, after, frozenset(changes), new=False)
        touched = {*changes, "custom"}
        if all(after.get(name) == before.get(name) for name in touched):
            if self._switches["updated_at_on_equal"] == "moved":
                derive.stamp_change(self._tenant, self._model, before)
                self._rows.put(before)
            return Result(Fate.UNCHANGED, item, row_id, self._keys(before))
        self._check_unique(after, row_id)
        derive.stamp_change(self._tenant, self._model, after)
        self._rows.put(after)
        after_write(self._tenant, self._model.path, before, after)
        return Result(Fate.UPDATED, item, row_id, self._keys(after))

    def _changes(self, item: Row) -> Row:
        """Known fields the item may set. Unknown ones are dropped without a word (B52)."""
        changes: Row = {}
        for name, value in item.items():
            schema = self._properties.get(name)
            if schema is None or name in {"_id", "custom"}:
                continue
            if schema.get("readOnly"):
                if self._switches["read_only_fields"] == "refused":
                    text = f"{name} cannot be set"
                    raise RowError(text)
                continue
            changes[name] = written(name, value, schema, self._switches)
        return {name: value for name, value in changes.items() if value is not LEFT_OUT}

    def _custom(self, item: Row, before: Row) -> Row:
        if "custom" not in self._properties:
            return before
        fields = self._tenant.custom_fields(self._model.name)
        return {**before, **custom_changes(item, before, fields, self._switches)}

    def _check_required(self, item: Row) -> None:
        missing = [name for name in self._model.required if item.get(name) in (None, "") and self._needed(name)]
        if missing:
            text = f"{', '.join(missing)} required"
            raise RowError(text)
        groups = self._model.required_any
        if groups and not any(all(item.get(name) not in (None, "") for name in group) for group in groups):
            text = f"one of {', '.join('+'.join(group) for group in groups)} required"
            raise RowError(text)

    def _needed(self, name: str) -> bool:
        # The docs mark isHidden as required and call it false by default; the create text does not name it.
        return self._model.path != "customfields" or name != "isHidden"

    def _check_ranges(self, changes: Row) -> None:
        hours = changes.get("hours")
        if self._model.path == "timeentries" and hours is not None and not _LEAST_HOURS <= hours <= _MOST_HOURS:
            text = f"hours must be from {_LEAST_HOURS} to {_MOST_HOURS}"
            raise RowError(text, Fate.INVALID)

    def _check_mandatory(self, custom: Row) -> None:
        fields = self._tenant.custom_fields(self._model.name).values()
        missing = [str(f["name"]) for f in fields if f.get("isMandatory") and custom.get(str(f["name"])) in (None, "")]
        if missing:
            text = f"custom fields required: {', '.join(missing)}"
            raise RowError(text)

    def _unique_keys(self) -> list[str]:
        own = ("email",) if self._model.path == "users" else ()
        return [name for name in ("sourceId", "externalId", "extId", *own) if name in self._properties]

    def _clashes(self, row: Mapping[str, Value], row_id: str) -> list[str]:
        company = self._model.company
        clashing = []
        for name in self._unique_keys():
            key = row.get(name)
            others = [found for found in self._rows.find(name, key) if found != row_id] if key else []
            if others and name in {"externalId", "extId"} and company and self._model.path != "companies":
                of_companies = self._rows.column(company)
                others = [found for found in others if of_companies[found] == row.get(company)]
            if others:
                clashing.append(name)
        return clashing

    def _check_unique(self, row: Row, row_id: str) -> None:
        clashing = self._clashes(row, row_id)
        if clashing:
            text = f"{','.join(clashing)} duplicated"
            raise RowError(text)

    def _settle_keys(self, row_id: str, changes: Row) -> None:
        """Drops lower keys that belong to another row, when the switch says the higher one wins (B60)."""
        if self._switches["conflicting_keys"] == "error":
            return
        before = self._rows.get(row_id) or {}
        for name in self._clashes({**before, **changes}, row_id):
            changes.pop(name, None)

    def _keys(self, row: Row) -> dict[str, str]:
        keys = {name: row[name] for name in self._model.keyables if row.get(name)}
        return {"_id": row["_id"], **keys} if self._switches["answer_keys"] == "all" else {"_id": row["_id"]}

    # Companies

    def _placed(self, item: Row) -> Row:
        """An enduser without a company goes to the one that owns the domain of the address (B86)."""
        if self._model.path != "endusers" or item.get("companyId") or not item.get("email"):
            return item
        found = company_of_address(self._tenant, item["email"])
        return {**item, "companyId": found} if found else item

    def _with_company(self, item: Row) -> Row:
        """The item with its company, given by id or by key (B22), as an id."""
        field_name = (self._model.company or "").removesuffix("[]")
        item = self._by_company_external_id(item, field_name)
        value = item.get(field_name)
        if not field_name or self._model.path == "companies" or value in (None, ""):
            return item
        if isinstance(value, list):
            return {**item, field_name: [self._company_id(field_name, found) for found in value]}
        return {**item, field_name: self._company_id(field_name, value)}

    def _by_company_external_id(self, item: Row, field_name: str) -> Row:
        external = key_text(item.get("companyExternalId"))
        if self._model.path != "conversations" or external is None or item.get(field_name):
            return item
        return {**item, field_name: f"extid-{external}"}

    def _company_id(self, field_name: str, value: Value) -> str:
        found = named_company(self._tenant, value)
        if found is None:
            text = f"{field_name} matches no company: {value}"
            raise RowError(text)
        return found
