"""Makes rows with some of the fields of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api import Row
from planhat_api.destination.comparison import CUSTOM_PREFIX
from target_planhat.rows.values import encode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from planhat_api.destination.matching import HeldRow
    from planhat_api.models.registry import Model
    from target_planhat.rows.item import Item

__all__ = ["ChangedPart", "without"]


class ChangedPart:
    """Makes rows with only the keys and the fields that change."""

    def __init__(self, model: Model) -> None:
        """Take the model of the rows."""
        company = (model.company or "").removesuffix("[]")
        # Planhat may need these to find the record (B62), or to take the row at all.
        self._always_sent = (*filter(None, [company]), *model.dropped_without)
        self._computed_together = model.computed_together

    def of(
        self, row: Item, body: Mapping[str, Any], held: HeldRow, changed: Sequence[str], held_back: Collection[str]
    ) -> Row:
        """A row with the keys and the changed fields of a row.

        It carries the ``_id`` of the record that it was compared with, so that it can change no other one. If one
        custom field changes, all go along, because it is not known whether the others would be lost (Q8). Those that
        belong to people go along with the value that Planhat holds. If Planhat computes fields from one another, all of
        them go along that are not for people.

        Args:
            row: The row.
            body: The same, decoded.
            held: The record.
            changed: The fields that change.
            held_back: The fields that differ and are not sent.
        """
        keys = {name: value for name, value in row.keys.items() if name not in held_back}
        match = row.match
        part: dict[str, Any] = {}
        if held.planhat_id is not None:
            part["_id"] = held.planhat_id
            keys = {"_id": held.planhat_id, **keys}
            match = ("_id", held.planhat_id)
        kept = [*keys, *self._always_sent, *changed]
        if not self._computed_together.isdisjoint(changed):
            kept += [name for name in body if name in self._computed_together - row.stream.ownership.keys()]
        part |= {name: body[name] for name in kept if name in body and name not in held_back}
        if any(name.startswith(CUSTOM_PREFIX) for name in changed):
            part["custom"] = _custom(body["custom"], held, held_back, row.stream.ownership)
        return Row(encode(part), keys, match)


def _custom(
    sent: Mapping[str, Any], held: HeldRow, held_back: Collection[str], owned: Collection[str]
) -> dict[str, Any]:
    known = held.values.get("custom") or {}
    names = (name.removeprefix(CUSTOM_PREFIX) for name in owned if name.startswith(CUSTOM_PREFIX))
    custom = {name: known[name] for name in names if name not in sent and known.get(name) is not None}
    for name, value in sent.items():
        if f"{CUSTOM_PREFIX}{name}" not in held_back:
            custom[name] = value
        elif name in known:
            custom[name] = known[name]
    return custom


def without(row: Row, body: Mapping[str, Any], left_out: Collection[str]) -> Row:
    """A row without some of its fields. If one is a custom field, all custom fields are left out.

    Args:
        row: The row.
        body: The same, decoded.
        left_out: The fields.
    """
    # Without one of them, the other custom fields might replace it (Q8).
    omitted = {*left_out, "custom"} if any(name.startswith(CUSTOM_PREFIX) for name in left_out) else left_out
    return Row(encode({name: value for name, value in body.items() if name not in omitted}), row.keys, row.match)
