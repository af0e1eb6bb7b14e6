"""Generates custom fields of every type and their values (B47)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planhat_sandbox.clock import iso_day
from planhat_sandbox.seed import words
from planhat_sandbox.seed.row_random import RowRandom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.seed.plan import Plan
    from planhat_sandbox.store import Row, Value

__all__ = ["CustomFields", "custom_of"]

# Days around which dates in custom fields lie.
_FIRST_DAY, _LAST_DAY = 19_400, 20_500

# Dates of tickets were seen with +0000 in place of Z.
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
        """No columns, because there are only few rows."""
        return {}

    def __len__(self) -> int:
        """Number of custom fields."""
        return sum(len(fields) for fields in _FIELDS.values())

    def id(self, index: int) -> str:
        """The ``_id`` at an index."""
        return self.plan.id("customfields", index)

    def row(self, index: int) -> Row:
        """The custom field at an index. Older ones do not have all flags."""
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
    """``custom`` of a row: empty, null or absent for some rows, and with different fields in each row."""
    rng = RowRandom(plan.seed, "custom " + path, index)
    if rng.chance(8):
        return {}
    if rng.chance(16):
        return {"custom": rng.pick((None, {}))}
    fields = _FIELDS[_parent(path)]
    custom = {name: _value(plan, rng, name, kind) for name, kind in fields.items() if rng.chance(70)}
    if custom.get(_ODD_ZONE) and index % 3 == 0:
        custom[_ODD_ZONE] = custom[_ODD_ZONE].replace("Z", "+0000")
    return {"custom": custom}


def _value(plan: Plan, rng: RowRandom, name: str, kind: str) -> Value:
    if rng.chance(8):
        return None
    if kind == "list":
        return rng.pick(_LISTS.get(name, _OPTIONS))
    if kind == "multipicklist":
        return rng.some(_LISTS.get(name, _OPTIONS), 3)
    return _VALUES[kind](plan, rng)


_VALUES: Mapping[str, Callable[[Plan, RowRandom], Value]] = {
    "number": lambda _, rng: rng.pick((0, rng.below(500), rng.below(10_000) / 100)),
    "formula": lambda _, rng: rng.below(100_000) / 7,
    "rating": lambda _, rng: rng.between(1, 5),
    "checkbox": lambda _, rng: rng.chance(50),
    "day": lambda _, rng: rng.between(_FIRST_DAY, _LAST_DAY),
    "date": lambda _, rng: iso_day(rng.between(_FIRST_DAY, _LAST_DAY)),
    "team member": lambda plan, rng: plan.ref("users", rng.below(1_000)),
    "team members": lambda plan, rng: [plan.ref("users", rng.below(1_000)) for _ in range(rng.below(3))],
    "enduser": lambda plan, rng: plan.ref("endusers", rng.below(1_000_000)),
    "endusers": lambda plan, rng: [plan.ref("endusers", rng.below(1_000_000)) for _ in range(rng.below(3))],
    "phone": lambda _, rng: f"+46 8 {rng.between(100_000, 999_999)}",
    "email": lambda _, rng: f"billing{rng.below(100)}@example.com",
    "url": lambda _, rng: f"https://example.com/räume/{rng.below(1_000)}?a=1&b=2",
    "rich text": lambda _, rng: f"<p><b>Goal:</b> {rng.pick(words.SENTENCES)}</p>",
    "text": lambda _, rng: rng.pick(("", "undefined", *words.SENTENCES)),
}
