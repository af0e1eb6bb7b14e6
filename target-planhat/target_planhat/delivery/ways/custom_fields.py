"""Custom fields, which have no bulk upsert: one call for each row."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.delivery.one_by_one import one_after_the_other
from target_planhat.delivery.ways.way import DeliveryWay, named_by
from target_planhat.outcomes.outcome import OutcomeKind, RecordOutcome
from target_planhat.rows.builder import RefusedRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api import Row
    from target_planhat.outcomes.outcome import Settled
    from target_planhat.rows.item import Item
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["CustomFieldsOneByOne"]

_IDENTITY = ("parent", "name")
_DEFAULTS = {"isHidden": False}


class CustomFieldsOneByOne(DeliveryWay):
    """Custom fields: found by `_id`, else by the model they belong to and their name, then created or updated."""

    why_no_other_mode = "its rows are always found by their names, then created or updated"
    collapses = True
    makes_custom_fields = True

    @property
    def check(self) -> Callable[[dict[str, Any]], None]:
        """A row must say which field it means."""
        return _check

    def key_rule(self, stream: str, plan: ColumnPlan) -> KeyRule:
        """Rows are found here, not by Planhat."""
        del stream, plan
        return named_by("_id", "name")

    def identity(self, row: Row, match: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The key of a row, and the model it belongs to: the same name may occur in several models."""
        if match and match[0] == "name":
            return (*match, str(msgspec.json.decode(row.body)["parent"]).lower())
        return match

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """A call for each row that changes something."""
        del distinct
        existing = self._tenant.client.custom_fields()
        self._tenant.custom_fields.forget()
        yield from one_after_the_other(
            items,
            lambda item: self._put(msgspec.json.decode(item.body), existing),
            self._tenant.client.check_credentials,
        )

    def _put(self, row: dict[str, Any], existing: list[dict[str, Any]]) -> RecordOutcome:
        found = _find(row, existing)
        changes = {name: value for name, value in row.items() if name != "_id"}
        if found is None and "_id" in row:
            return RecordOutcome.rejected("no custom field has this _id")
        if found is None:
            look = partial(self._look, row, existing)
            answer = self._tenant.client.create(self.model, {**_DEFAULTS, **changes}, look=look)
            return self._created(row, answer, existing)
        planhat_id = str(found["_id"])
        if all(found.get(name) == value for name, value in changes.items()):
            return RecordOutcome(OutcomeKind.UNCHANGED, planhat_id)
        self._tenant.client.update(self.model, planhat_id, changes)
        found.update(changes)
        return RecordOutcome(OutcomeKind.UPDATED, planhat_id)

    def _created(
        self, row: Mapping[str, Any], answer: dict[str, Any] | str, existing: list[dict[str, Any]]
    ) -> RecordOutcome:
        """An answer in words may be a refusal (B73): look whether the row is there."""
        if isinstance(answer, str):
            found = self._look(row, existing)
            if found is None:
                return RecordOutcome.rejected(answer)
            return RecordOutcome(OutcomeKind.CREATED, str(found["_id"]))
        if answer not in existing:
            existing.append(answer)
        return RecordOutcome(OutcomeKind.CREATED, answer.get("_id"))

    def _look(self, row: Mapping[str, Any], existing: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The field as Planhat holds it now."""
        existing[:] = self._tenant.client.custom_fields()
        return _find(row, existing)


def _check(body: dict[str, Any]) -> None:
    if not body.get("_id") and not all(body.get(name) for name in _IDENTITY):
        msg = f"a custom field needs _id, or {' and '.join(_IDENTITY)}"
        raise RefusedRowError(msg)


def _find(row: Mapping[str, Any], existing: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Models write the case of `parent` differently."""
    if "_id" in row:
        return next((entry for entry in existing if entry.get("_id") == row["_id"]), None)
    parent, name = str(row["parent"]).lower(), row["name"]
    return next(
        (entry for entry in existing if str(entry.get("parent")).lower() == parent and entry.get("name") == name),
        None,
    )
