"""Custom fields of every type, and values for them (B47)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planhat_sandbox.clock import iso_day
from planhat_sandbox.seed import words
from planhat_sandbox.seed.dice import Dice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.seed.plan import Plan
    from planhat_sandbox.store import Row, Value

__all__ = ["CustomFields", "custom_of"]

# Days around which dates in custom fields lie.
_FIRST_DAY, _LAST_DAY = 19_400, 20_500

# Dates of tickets were seen with a zone of digits in place of Z.
_ODD_ZONE = "Follow up on"

_EVERY_TYPE = {
    "Plan": "list",
    "Seats": "number",
    "CRM Notes": "text",
    "Success Plan": "rich text",
    "Is Reference": "checkbox",
    "Contract Signed": "day",
    "Last QBR": "date",
    "Regions": "multipicklist",
    "Solution Engineer": "team member",
    "Account Team": "team members",
    "Sentiment ⭐": "rating",
    "Support Phone": "phone",
    "Billing E-mail": "email",
    "Champion": "enduser",
    "Decision Makers": "endusers",
    "Data Room 🔗": "url",
}
_FEW = {"Category": "list", "Internal Score": "number", "Bemerkung": "text"}
_FIELDS: dict[str, dict[str, str]] = {
    "company": {**_EVERY_TYPE, "ARR per Seat": "formula"},
    "enduser": {
        "Role in Deal": "list",
        "Birthday 🎂": "day",
        "Newsletter": "checkbox",
        "Languages": "multipicklist",
        "LinkedIn": "url",
        "Persönliche Notiz": "text",
        "Engagement": "rating",
        "Last Login": "date",
    },
    "asset": {**_FEW, "Owner Mail": "email"},
    "campaign": _FEW,
    "churn": _FEW,
    "conversation": {**_FEW, "Follow up on": "date"},
    "invoice": {**_FEW, "Booked": "day"},
    "issue": _FEW,
    "license": {**_FEW, "Signed by": "enduser"},
    "line item": _FEW,
    "nps": _FEW,
    "objective": _FEW,
    "opportunity": {**_FEW, "Partner": "team member"},
    "product": _FEW,
    "project": _FEW,
    "sale": _FEW,
    "task": _FEW,
    "user": {"Desk": "text", "Start Date": "day"},
    "workflow": _FEW,
    "workspace": _FEW,
}
_PARENT_OF_PATH = {
    "companies": "company",
    "endusers": "enduser",
    "churn": "churn",
    "lineitems": "line item",
    "nps": "nps",
    "opportunities": "opportunity",
}
_LISTS = {"Plan": words.PLANS, "Regions": words.REGIONS, "Languages": ("sv", "de", "en", "日本語")}
_OPTIONS = ("A", "B", "Ç", "Other")


def _parent(path: str) -> str:
    return _PARENT_OF_PATH.get(path, path.removesuffix("s"))


@dataclass(frozen=True)
class CustomFields:
    """The rows of ``/customfields``."""

    plan: Plan

    @property
    def columns(self) -> Mapping[str, Value]:
        """None are worth a short cut."""
        return {}

    def __len__(self) -> int:
        """Number of custom fields."""
        return sum(len(fields) for fields in _FIELDS.values())

    def id(self, index: int) -> str:
        """The ``_id`` at an index."""
        return self.plan.id("customfields", index)

    def row(self, index: int) -> Row:
        """The custom field at an index; older ones lack some of the flags."""
        parent, name, kind = [(parent, *field) for parent, fields in _FIELDS.items() for field in fields.items()][index]
        row: Row = {
            "_id": self.id(index),
            "name": name,
            "type": "number" if kind == "formula" else kind,
            "parent": parent,
            "isHidden": False,
            "isFeatured": index % 4 == 0,
            "listValues": list(_LISTS.get(name, _OPTIONS)) if kind in {"list", "multipicklist"} else [],
            "filter": [],
            "formulaRefs": [],
        }
        if kind == "formula":
            row |= {"isFormula": True, "formula": "<<arr>> / <<Seats>>", "isLocked": True, "formulaRefs": ["arr"]}
        if index % 3:
            row |= {"isShared": False, "isLocked": row.get("isLocked", False), "sortOrder": index, "__v": 0}
        return row


def custom_of(plan: Plan, path: str, index: int) -> Row:
    """``custom`` of a row: empty, null or absent for some rows, and never the same set of fields."""
    dice = Dice(plan.seed, "custom " + path, index)
    if dice.chance(8):
        return {}
    if dice.chance(16):
        return {"custom": dice.pick((None, {}))}
    fields = _FIELDS[_parent(path)]
    custom = {name: _value(plan, dice, name, kind) for name, kind in fields.items() if dice.chance(70)}
    if custom.get(_ODD_ZONE) and index % 3 == 0:
        custom[_ODD_ZONE] = custom[_ODD_ZONE].replace("Z", "+0000")
    return {"custom": custom}


def _value(plan: Plan, dice: Dice, name: str, kind: str) -> Value:
    if dice.chance(8):
        return None
    if kind == "list":
        return dice.pick(_LISTS.get(name, _OPTIONS))
    if kind == "multipicklist":
        return dice.some(_LISTS.get(name, _OPTIONS), 3)
    return _VALUES[kind](plan, dice)


_VALUES: Mapping[str, Callable[[Plan, Dice], Value]] = {
    "number": lambda _, dice: dice.pick((0, dice.below(500), dice.below(10_000) / 100)),
    "formula": lambda _, dice: dice.below(100_000) / 7,
    "rating": lambda _, dice: dice.between(1, 5),
    "checkbox": lambda _, dice: dice.chance(50),
    "day": lambda _, dice: dice.between(_FIRST_DAY, _LAST_DAY),
    "date": lambda _, dice: iso_day(dice.between(_FIRST_DAY, _LAST_DAY)),
    "team member": lambda plan, dice: plan.ref("users", dice.below(1_000)),
    "team members": lambda plan, dice: [plan.ref("users", dice.below(1_000)) for _ in range(dice.below(3))],
    "enduser": lambda plan, dice: plan.ref("endusers", dice.below(1_000_000)),
    "endusers": lambda plan, dice: [plan.ref("endusers", dice.below(1_000_000)) for _ in range(dice.below(3))],
    "phone": lambda _, dice: f"+46 8 {dice.between(100_000, 999_999)}",
    "email": lambda _, dice: f"billing{dice.below(100)}@example.com",
    "url": lambda _, dice: f"https://example.com/räume/{dice.below(1_000)}?a=1&b=2",
    "rich text": lambda _, dice: f"<p><b>Goal:</b> {dice.pick(words.SENTENCES)}</p>",
    "text": lambda _, dice: dice.pick(("", "undefined", *words.SENTENCES)),
}
