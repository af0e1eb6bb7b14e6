"""Sends custom fields. They have no bulk upsert, so each row needs its own call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api import Outcome, OutcomeKind
from planhat_api.destination.matching import HeldRow
from planhat_api.values.names import folded
from target_planhat.delivery.model_order import rank
from target_planhat.delivery.one_by_one import call_for_each
from target_planhat.delivery.ways.delivery import Delivery
from target_planhat.delivery.ways.way import WayKind
from target_planhat.plan.decision import Decision, Verdict
from target_planhat.plan.plan import PLANNED
from target_planhat.rows.rules.custom_fields import custom_field_rules

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.plan.plan import Plan
    from target_planhat.rows.item import Item
    from target_planhat.settings import StreamSettings

__all__ = ["CUSTOM_FIELDS"]

_DEFAULTS = {"isHidden": False}
_NO_SUCH_FIELD = "no custom field has this _id"


class _CustomFields(Delivery):
    """Creates or updates custom fields. They are found by `_id`, or else by their model and name."""

    def __init__(
        self, model: Model, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger
    ) -> None:
        """Prepare to send."""
        del settings, logger
        self._model = model
        self._tenant = context.tenant
        self._plan = context.plan
        self._existing: list[dict[str, Any]] = []

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[ItemOutcomes]:
        """Make a call for each row that changes something."""
        del distinct
        if self._plan is not None:
            if not self._existing:
                self._existing = self._tenant.client.custom_fields()
                self._tenant.custom_fields.take(self._existing)
            yield items, [self._planned(self._plan, item, self._existing) for item in items]
            return
        existing = self._tenant.client.custom_fields()
        self._tenant.custom_fields.forget()
        is_as_read = True
        check = self._tenant.client.check_credentials
        for sent, outcomes in call_for_each(items, lambda item: self._put(item, existing), check):
            is_as_read = is_as_read and all(outcome.kind is OutcomeKind.UNCHANGED for outcome in outcomes)
            yield sent, outcomes
        if is_as_read:
            self._tenant.custom_fields.take(existing)

    def _planned(self, plan: Plan, item: Item, existing: list[dict[str, Any]]) -> Outcome:
        """Add a row to the plan. Later rows find the fields that the plan creates."""
        row = msgspec.json.decode(item.body)
        found = _find(row, existing)
        if found is None and "_id" in row:
            return Outcome.rejected(_NO_SUCH_FIELD)
        if found is None:
            decision = Decision(item, Verdict.CREATE, item)
            existing.append(dict(row))
            self._tenant.custom_fields.add_planned(row)
        else:
            before = {name: found.get(name) for name, value in row.items() if found.get(name) != value}
            held = HeldRow.of(existing.index(found), found)
            verdict = Verdict.UPDATE if before else Verdict.UNCHANGED
            decision = Decision(item, verdict, item if before else None, held, before=before)
            found.update(row)
        plan.add([decision], rank(self._model), self._model)
        return (
            PLANNED if decision.verdict.is_sent else Outcome(OutcomeKind.UNCHANGED, found.get("_id") if found else None)
        )

    def _put(self, item: Item, existing: list[dict[str, Any]]) -> Outcome:
        row = msgspec.json.decode(item.body)
        found = _find(row, existing)
        changes = {name: value for name, value in row.items() if name != "_id"}
        if found is None and "_id" in row:
            return Outcome.rejected(_NO_SUCH_FIELD)
        drifted = _drifted(item, found, changes)
        if drifted:
            return Outcome(OutcomeKind.DRIFTED, str(found["_id"]) if found else None, drifted)
        if found is None:
            look = partial(self._look, row, existing)
            answer = self._tenant.client.create(self._model, {**_DEFAULTS, **changes}, find_result=look)
            return self._created(row, answer, existing)
        planhat_id = str(found["_id"])
        if all(found.get(name) == value for name, value in changes.items()):
            return Outcome(OutcomeKind.UNCHANGED, planhat_id)
        self._tenant.client.update(self._model, planhat_id, changes)
        found.update(changes)
        return Outcome(OutcomeKind.UPDATED, planhat_id)

    def _created(self, row: Mapping[str, Any], answer: dict[str, Any] | str, existing: list[dict[str, Any]]) -> Outcome:
        """The outcome of a creation. An answer that is a text may be a refusal (B73), so the field is looked up."""
        if isinstance(answer, str):
            found = self._look(row, existing)
            if found is None:
                return Outcome.rejected(answer)
            return Outcome(OutcomeKind.CREATED, str(found["_id"]))
        if answer not in existing:
            existing.append(answer)
        return Outcome(OutcomeKind.CREATED, answer.get("_id"))

    def _look(self, row: Mapping[str, Any], existing: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The field as it is in Planhat now."""
        existing[:] = self._tenant.client.custom_fields()
        return _find(row, existing)


def _drifted(item: Item, found: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> str | None:
    """Why a custom field is not as the plan expects it; None if it is, or if it already is as the row wants it."""
    expected = item.expected
    if expected is None or (found is not None and all(found.get(name) == value for name, value in changes.items())):
        return None
    if found is None:
        return None if expected.action == "create" else "the custom field is no longer in Planhat"
    if expected.action == "create":
        return "the custom field is in Planhat meanwhile"
    # A field that the plan sends and does not change was equal when it was made.
    before = {**changes, **expected.before}
    moved = [name for name, value in changes.items() if found.get(name) not in (before[name], value)]
    return f"changed in Planhat since the plan was made: {', '.join(moved)}" if moved else None


def _find(row: Mapping[str, Any], existing: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The custom field of a row. `parent` is written differently for different models."""
    if "_id" in row:
        return next((entry for entry in existing if entry.get("_id") == row["_id"]), None)
    parent, name = folded(str(row["parent"])), row["name"]
    return next(
        (entry for entry in existing if folded(str(entry.get("parent"))) == parent and entry.get("name") == name),
        None,
    )


CUSTOM_FIELDS = WayKind(
    custom_field_rules,
    _CustomFields,
    why_no_other_mode="its rows are always found by their names, then created or updated",
    makes_custom_fields=True,
)
"""A call for each row, because custom fields have no bulk upsert."""
