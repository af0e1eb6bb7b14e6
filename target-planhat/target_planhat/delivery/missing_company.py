"""Tells whether Planhat refused a row because its company is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from target_planhat.rows.item import Item

__all__ = ["may_lack_company"]

_WORD = re.compile(r"\w+")


def may_lack_company(model: Model, item: Item, reason: str) -> bool:
    """Whether a row may have been rejected because its company is missing.

    The wording of Planhat's errors is unknown (Q1): a reason that speaks of another field of the row, and of no
    company, rules it out; any other does not.
    """
    if model.company is None:
        return False
    field = model.company.removesuffix("[]")
    body = msgspec.json.decode(item.body)
    if not any(body.get(name) for name in (model.company_lookup.fields if model.company_lookup else (field,))):
        # The domain of an address may belong to a company that is still to come (B86).
        return model.company_lookup is not None and bool(body.get(model.company_lookup.address))
    said = reason.lower()
    words = set(_WORD.findall(said))
    if "compan" in said or field.lower() in words:
        return True
    return not any(name.lower() in words for name in model.properties if name not in {field, "_id"})
