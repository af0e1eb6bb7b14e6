"""Deletes the rows that are marked as deleted at the source, with one call for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api import NotFoundError, Outcome, OutcomeKind, PayloadError
from planhat_api.bulk.existing_keys import UNIQUE_IN_COMPANY, company_in, rows_of
from planhat_api.destination.matching import HeldRow
from target_planhat.delivery.model_order import rank
from target_planhat.plan.decision import Decision, Verdict
from target_planhat.plan.plan import PLANNED
from target_planhat.rows.builder import RefusedRowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model
    from target_planhat.plan.plan import Plan
    from target_planhat.rows.item import Item
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Deletes"]

_NO_PLACE = -1
_PREFIXES = {"externalId": "extid-", "extId": "extid-", "sourceId": "srcid-"}


class Deletes:
    """The deletes of one run."""

    def __init__(self, tenant: Tenant, limit: int, plan: Plan | None) -> None:
        """Start with no row deleted.

        Args:
            tenant: Its client deletes rows and looks up ids. What was read of the tenant is updated after each delete.
            limit: How many rows of the run may be deleted.
            plan: Gets the rows; then none is deleted. None if they are deleted.
        """
        self._tenant = tenant
        self._plan = plan
        self._left = limit
        self._limit = limit

    def delete(self, item: Item) -> Outcome:
        """Delete the record of a row. A row whose record does not exist counts as skipped."""
        model = item.stream.model
        known = self._tenant.existing_of(model)
        try:
            self._check(model, item)
            is_compared = self._plan is not None or item.expected is not None
            row = self._found(model, item, whole=bool(known) or is_compared)
            planhat_id = str(row["_id"])
            moved = self._moved(model, item, row)
            if moved:
                return Outcome(OutcomeKind.DRIFTED, planhat_id, f"changed in Planhat since the plan was made: {moved}")
            self._left -= 1
            if self._plan is not None:
                held = HeldRow.of(_NO_PLACE, row)
                decision = Decision(item, Verdict.DELETE, item, held, before=_values(item, row))
                self._plan.add([decision], rank(model), model)
                self._plan.note_deleted(model, row)
                self._tenant.destination.note_deleted(model, planhat_id)
                return PLANNED
            if self._tenant.client.delete(model, planhat_id):
                for existing in known:
                    existing.forget(row)
                self._tenant.destination.note_deleted(model, planhat_id)
                return Outcome(OutcomeKind.DELETED, planhat_id)
        except NotFoundError:
            if self._plan is not None and self._plan.drop_create(model, item):
                self._tenant.destination.note_dropped(model, item)
                return PLANNED
        except (PayloadError, RefusedRowError) as err:
            return Outcome.rejected(str(err))
        return Outcome.skipped("it is not in Planhat")

    def _moved(self, model: Model, item: Item, row: Mapping[str, Any]) -> str:
        """The fields that are no longer as the plan expects them."""
        if item.expected is None:
            return ""
        before = item.expected.before.items()
        fields = {name.partition(".")[0] for name, _ in before}
        comparison = self._tenant.destination.comparison(model, fields)
        return ", ".join(name for name, value in before if not comparison.is_still(row, name, value))

    def _check(self, model: Model, item: Item) -> None:
        if item.match is None:
            msg = "no key to delete by"
        elif (key := item.match[0]) != "_id" and _PREFIXES.get(key) not in model.url_keys.get("get", ()):
            msg = f"not deleted: {model.name} cannot be looked up by {key}"
        elif _is_within_company(model, key) and not item.match[2:]:
            msg = f"not deleted: {key} is unique within one company only, and the row names no company"
        elif self._left <= 0:
            msg = f"not deleted: max_deletes is {self._limit}"
        else:
            return
        raise RefusedRowError(msg)

    def _found(self, model: Model, item: Item, *, whole: bool) -> Mapping[str, Any]:
        """The record of a row: with all its keys if it is needed whole, otherwise at least with `_id`.

        Planhat deletes only by `_id` (B21). Other keys are looked up if the model allows it.
        """
        key, value, *company = item.match or ("", "")
        if key == "_id" and "get" not in model.operations:
            return self._in_list(model, item) if whole else {"_id": value}
        if key == "_id":
            return self._tenant.client.get(model, value) if whole else {"_id": value}
        if _is_within_company(model, key):
            return self._within(self._tenant.client.companies.find(company[0]), model, key, value)
        return self._tenant.client.get(model, _PREFIXES[key] + value)

    def _in_list(self, model: Model, item: Item) -> Mapping[str, Any]:
        """The record of a row from the list of its model.

        Raises:
            NotFoundError: There is none.
        """
        (match,) = self._tenant.destination.look_at(model, [item]).index.find([item])
        if match.held is None:
            msg = "the list has no such record"
            raise NotFoundError(msg)
        return match.held.values

    def _within(self, company: str | None, model: Model, key: str, value: str) -> Mapping[str, Any]:
        """The record with this key in this company. Planhat may return the record of another company (B62).

        Raises:
            NotFoundError: The company has no such record, or does not exist.
        """
        if company is not None:
            found = self._tenant.client.get(model, _PREFIXES[key] + value)
            if company_in(found, model) == company:
                return found
            for row in rows_of(self._tenant.client, model, (*model.keyables, str(model.company)), company):
                if str(row.get(key)) == value and company_in(row, model) == company:
                    return row
        msg = "the company has no such record"
        raise NotFoundError(msg)


def _values(item: Item, row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a record in the fields of the stream. The record is deleted only while it has them."""
    names = item.stream.fields
    shown_as = {written: shown for shown, written in item.stream.model.written_as.items()}
    values = {name: row.get(shown_as.get(name, name)) for name in sorted(names) if name != "custom"}
    custom = row.get("custom") if "custom" in names else None
    return values | {f"custom.{name}": value for name, value in (custom or {}).items()}


def _is_within_company(model: Model, key: str) -> bool:
    return model.company is not None and key in UNIQUE_IN_COMPANY
