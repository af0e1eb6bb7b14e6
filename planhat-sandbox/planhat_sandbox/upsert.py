"""Writes one row: as a new one or over the one that its keys mean (B57, B58)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox import derive
from planhat_sandbox.effects import after_write
from planhat_sandbox.matching import Matcher
from planhat_sandbox.outcomes import Fate, Result, RowError
from planhat_sandbox.placing import Placer
from planhat_sandbox.values import LEFT_OUT, UnfitValueError, custom_changes, written

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_sandbox.flight import Flight
    from planhat_sandbox.store import Collection, Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["Upsert"]

_LEAST_HOURS, _MOST_HOURS = 0.1, 24
# Models whose bulk answer has validationErrors.
_VALIDATED = frozenset({"timeentries", "timesheets"})
_ARCHIVE_FIELDS = frozenset({"archived", "isArchived"})


class Upsert:
    """Writes rows of one model. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, model: Model, flight: Flight | None = None) -> None:
        """Args: tenant: Where the rows go. model: What they are. flight: Knows which keys come more than once."""
        self._tenant = tenant
        self._model = model
        self._rows: Collection = tenant.store[model.path]
        self._switches = tenant.switches
        self._matcher = Matcher(tenant, model)
        self._placer = Placer(tenant, model)
        self._flight = flight
        self._properties = dict(model.properties)
        self._forbidden_inserts = model.path in tenant.switches.names("refused_creates")
        self._forbidden_updates = model.path in tenant.switches.names("refused_updates")

    def item(self, item: Value) -> Result:
        """Upserts one item of a bulk request."""
        if not isinstance(item, dict):
            return Result(Fate.INSERT_FAILED, item, error="An item must be an object")
        found: str | None = None
        shared = self._flight.shared_keys(item) if self._flight is not None else []
        try:
            row = self._placer.with_company(item)
            found = self._matcher.match(row)
            self._check_shared(shared, found)
            return self._insert(row) if found is None else self._update(found, row, self._switches["bulk_custom"])
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
        result = self._insert(self._placer.with_company(sent), alone=True)
        return self._stored(result)

    def change(self, row_id: str, item: Row) -> Row:
        """Updates one row; raises as ``create`` does."""
        return self._stored(self._update(row_id, self._placer.with_company(item)))

    def _stored(self, result: Result) -> Row:
        row = self._rows.get(result.row_id or "")
        if row is None:
            raise RowError(result.error or "The row was not stored")
        return row

    def _insert(self, item: Row, *, alone: bool = False) -> Result:
        """Writes a new row; ``alone`` says that it came in a call of its own."""
        if self._forbidden_inserts:
            text = f"The token may not create {self._model.name}"
            raise RowError(text, Fate.FORBIDDEN)
        item = self._placer.placed(item)
        self._check_required(item, alone=alone)
        row: Row = {"_id": self._tenant.ids.make()}
        changes = self._changes(item)
        self._check_ranges(changes)
        row |= {name: value for name, value in changes.items() if value is not None}
        custom = self._custom(item, {})
        if custom:
            row["custom"] = custom
        self._check_mandatory(custom)
        self._check_unique(row, {}, shared=self._may_be_shared(alone=alone))
        derive.complete(self._tenant, self._model, row, frozenset(row), new=True)
        self._rows.put(row)
        after_write(self._tenant, self._model.path, None, row)
        return Result(Fate.CREATED, item, row["_id"], self._matcher.keys(row))

    def _update(self, row_id: str, item: Row, custom_position: str = "merges") -> Result:
        if self._forbidden_updates:
            text = f"The token may not update {self._model.name}"
            raise RowError(text, Fate.FORBIDDEN)
        before = self._rows.get(row_id) or {}
        changes = self._changes(item)
        self._check_ranges(changes)
        self._settle_keys(row_id, changes)
        after = {**before, **changes}
        custom = self._custom(item, before.get("custom") or {})
        if custom_position == "replaces" and item.get("custom") is not None:
            custom = {name: value for name, value in custom.items() if name in item["custom"]}
        if custom or before.get("custom"):
            after["custom"] = custom
        derive.complete(self._tenant, self._model, after, frozenset(changes), new=False)
        touched = {*changes, "custom"}
        if all(after.get(name) == before.get(name) for name in touched):
            if self._switches["updated_at_on_equal"] == "moved":
                derive.stamp_change(self._tenant, self._model, before)
                self._rows.put(before)
            return Result(Fate.UNCHANGED, item, row_id, self._matcher.keys(before))
        self._check_unique(after, before)
        moves = {name for name in touched if after.get(name) != before.get(name)} <= _ARCHIVE_FIELDS
        if not moves or self._switches["updated_at_on_archiving"] == "moved":
            derive.stamp_change(self._tenant, self._model, after)
        self._rows.put(after)
        after_write(self._tenant, self._model.path, before, after)
        return Result(Fate.UPDATED, item, row_id, self._matcher.keys(after))

    def _changes(self, item: Row) -> Row:
        """Known fields the item may set. Unknown ones are dropped without a word (B52)."""
        changes: Row = {}
        for name, value in item.items():
            schema = self._properties.get(name)
            if schema is None:
                self._check_known(name)
                continue
            if name in {"_id", "custom"}:
                continue
            if schema.get("readOnly"):
                if self._switches["read_only_fields"] == "refused":
                    text = f"{name} cannot be set"
                    raise RowError(text)
                continue
            changes[name] = written(name, value, schema, self._switches)
        return {name: value for name, value in changes.items() if value is not LEFT_OUT}

    def _check_known(self, name: str) -> None:
        # companyExternalId is known to notes, which share the path of conversations.
        dropped = self._switches["unknown_fields"] == "dropped" or name.startswith("custom.")
        if not dropped and (self._model.path, name) != ("conversations", "companyExternalId"):
            text = f"{name} is unknown"
            raise RowError(text)

    def _custom(self, item: Row, before: Row) -> Row:
        if "custom" not in self._properties:
            return before
        fields = self._tenant.custom_fields(self._model.name)
        return {**before, **custom_changes(item, before, fields, self._switches)}

    def _check_required(self, item: Row, *, alone: bool) -> None:
        optional = self._optional(alone=alone)
        missing = [name for name in self._model.required if item.get(name) in (None, "") and name not in optional]
        if missing:
            text = f"{', '.join(missing)} required"
            raise RowError(text)
        groups = self._model.required_any
        if groups and not any(all(item.get(name) not in (None, "") for name in group) for group in groups):
            text = f"one of {', '.join('+'.join(group) for group in groups)} required"
            raise RowError(text)

    def _optional(self, *, alone: bool) -> frozenset[str]:
        """Fields that are marked as required and are not, or not everywhere."""
        if self._model.path == "customfields":
            # The docs mark isHidden as required and call it false by default; the create text does not name it.
            return frozenset({"isHidden"})
        accepted = {"accepted", "accepted_by_create"} if alone else {"accepted"}
        if self._model.path == "users" and self._switches["users_without_nickname"] in accepted:
            return frozenset({"nickName"})
        return frozenset()

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

    def _may_be_shared(self, *, alone: bool) -> frozenset[str]:
        """Keys that a new row may have in common with another (B94)."""
        second = alone and self._model.path == "companies" and self._switches["taken_external_id"] == "second_company"
        return frozenset({"externalId"} if second else ())

    def _check_unique(self, row: Row, before: Row, shared: frozenset[str] = frozenset()) -> None:
        taken = [name for name in self._matcher.taken(row, before) if name not in shared]
        if taken:
            text = f"{','.join(taken)} duplicated"
            raise RowError(text)

    def _check_shared(self, names: list[str], found: str | None) -> None:
        if names and (found is None or self._switches["duplicated_writes"] == "all"):
            text = f"{','.join(names)} duplicated"
            raise RowError(text)

    def _settle_keys(self, row_id: str, changes: Row) -> None:
        """Drops lower keys that belong to another row, when the switch says the higher one wins (B60)."""
        if self._switches["conflicting_keys"] == "error":
            return
        before = self._rows.get(row_id) or {}
        for name in self._matcher.taken({**before, **changes}, before):
            changes.pop(name, None)
