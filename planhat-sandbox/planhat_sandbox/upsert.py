"""Creates or updates one row (B57, B58)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox import derived_fields
from planhat_sandbox.company_match import CompanyMatcher
from planhat_sandbox.matching import Matcher
from planhat_sandbox.outcomes import Outcome, Result, RowError, key_text
from planhat_sandbox.side_effects import after_write
from planhat_sandbox.values import DROPPED, InvalidValueError, custom_changes, written

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_sandbox.bulk_call import BulkCall
    from planhat_sandbox.store import Collection, Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["Upsert"]

_LEAST_HOURS, _MOST_HOURS = 0.1, 24
# Models whose bulk answer has validationErrors.
_VALIDATED = frozenset({"timeentries", "timesheets"})
_ARCHIVE_FIELDS = frozenset({"archived", "isArchived"})


class Upsert:
    """Writes rows of one model. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, model: Model, bulk_call: BulkCall | None = None) -> None:
        """Take the tenant, the model, and the bulk call that finds equal keys."""
        self._tenant = tenant
        self._model = model
        self._rows: Collection = tenant.store[model.path]
        self._switches = tenant.switches
        self._matcher = Matcher(tenant, model)
        self._companies = CompanyMatcher(tenant, model)
        self._bulk_call = bulk_call
        self._properties = dict(model.properties)
        self._forbidden_inserts = model.path in tenant.switches.names("refused_creates")
        self._forbidden_updates = model.path in tenant.switches.names("refused_updates")

    def item(self, item: Value) -> Result:
        """Upsert one item of a bulk request."""
        if not isinstance(item, dict):
            return Result(Outcome.INSERT_FAILED, item, error="An item must be an object")
        found: str | None = None
        shared = self._bulk_call.shared_keys(item) if self._bulk_call is not None else []
        try:
            row = self._companies.with_company(item)
            found = self._matcher.match(row)
            self._check_shared(shared, found)
            return self._insert(row) if found is None else self._update(found, row, self._switches["bulk_custom"])
        except (RowError, InvalidValueError) as error:
            result = Result(self._failed(error, found), item, row_id=found, error=str(error))
            return self._claimed(result) if result.outcome is Outcome.VANISHED else result

    def _claimed(self, result: Result) -> Result:
        """The result for an ignored row; the switch may say that the answer calls it created (Q23)."""
        if self._switches["endusers_skipped"] == "counted_as_nothing":
            return result
        row_id = self._tenant.ids.make()
        keys = {name: key_text(result.item.get(name)) for name in self._model.keyables}
        return Result(Outcome.CREATED, result.item, row_id, self._matcher.keys({**keys, "_id": row_id}))

    def _failed(self, error: RowError | InvalidValueError, found: str | None) -> Outcome:
        if isinstance(error, RowError) and error.outcome is not None:
            return error.outcome
        if isinstance(error, InvalidValueError) and self._model.path in _VALIDATED:
            return Outcome.INVALID
        return Outcome.INSERT_FAILED if found is None else Outcome.UPDATE_FAILED

    def create(self, item: Row) -> Row:
        """Create one row.

        Raises:
            RowError: Fields are missing, another row has the same key, or the token may not create it.
            InvalidValueError: A value does not fit its field.
        """
        sent = {name: value for name, value in item.items() if name != "_id"}
        result = self._insert(self._companies.with_company(sent), alone=True)
        return self._stored(result)

    def change(self, row_id: str, item: Row) -> Row:
        """Update one row; raises like ``create``."""
        return self._stored(self._update(row_id, self._companies.with_company(item)))

    def _stored(self, result: Result) -> Row:
        row = self._rows.get(result.row_id or "")
        if row is None:
            raise RowError(result.error or "The row was not stored")
        return row

    def _insert(self, item: Row, *, alone: bool = False) -> Result:
        """Write a new row; ``alone`` says that the call is not a bulk call."""
        if self._forbidden_inserts:
            text = f"The token may not create {self._model.name}"
            raise RowError(text, Outcome.FORBIDDEN)
        item = self._companies.with_company_of_address(item)
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
        derived_fields.fill_in(self._tenant, self._model, row, frozenset(row), new=True)
        self._rows.put(row)
        after_write(self._tenant, self._model.path, None, row)
        return Result(Outcome.CREATED, item, row["_id"], self._matcher.keys(row))

    def _update(self, row_id: str, item: Row, custom_position: str = "merges") -> Result:
        if self._forbidden_updates:
            text = f"The token may not update {self._model.name}"
            raise RowError(text, Outcome.FORBIDDEN)
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
        derived_fields.fill_in(self._tenant, self._model, after, frozenset(changes), new=False)
        touched = {*changes, "custom"}
        if all(after.get(name) == before.get(name) for name in touched):
            if self._switches["updated_at_on_equal"] == "moved":
                derived_fields.set_change_time(self._tenant, self._model, before)
                self._rows.put(before)
            return Result(Outcome.UNCHANGED, item, row_id, self._matcher.keys(before))
        self._check_unique(after, before)
        moves = {name for name in touched if after.get(name) != before.get(name)} <= _ARCHIVE_FIELDS
        if not moves or self._switches["updated_at_on_archiving"] == "moved":
            derived_fields.set_change_time(self._tenant, self._model, after)
        self._rows.put(after)
        after_write(self._tenant, self._model.path, before, after)
        return Result(Outcome.UPDATED, item, row_id, self._matcher.keys(after))

    def _changes(self, item: Row) -> Row:
        """The known fields that the item may set. Unknown ones are dropped without an error (B52)."""
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
        return {name: value for name, value in changes.items() if value is not DROPPED}

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
        """Fields that are documented as required but are not, or not in all calls."""
        if self._model.path == "customfields":
            # The documentation marks isHidden as required, but it is false by default and not mentioned for create.
            return frozenset({"isHidden"})
        accepted = {"accepted", "accepted_by_create"} if alone else {"accepted"}
        if self._model.path == "users" and self._switches["users_without_nickname"] in accepted:
            return frozenset({"nickName"})
        return frozenset()

    def _check_ranges(self, changes: Row) -> None:
        hours = changes.get("hours")
        if self._model.path == "timeentries" and hours is not None and not _LEAST_HOURS <= hours <= _MOST_HOURS:
            text = f"hours must be from {_LEAST_HOURS} to {_MOST_HOURS}"
            raise RowError(text, Outcome.INVALID)

    def _check_mandatory(self, custom: Row) -> None:
        fields = self._tenant.custom_fields(self._model.name).values()
        missing = [str(f["name"]) for f in fields if f.get("isMandatory") and custom.get(str(f["name"])) in (None, "")]
        if missing:
            text = f"custom fields required: {', '.join(missing)}"
            raise RowError(text)

    def _may_be_shared(self, *, alone: bool) -> frozenset[str]:
        """Keys of a new row that another row may also have (B94)."""
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
        """Drop lower keys that another row has, if the switch says that the higher key decides (B60)."""
        if self._switches["conflicting_keys"] == "error":
            return
        before = self._rows.get(row_id) or {}
        for name in self._matcher.taken({**before, **changes}, before):
            changes.pop(name, None)
