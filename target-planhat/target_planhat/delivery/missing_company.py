"""Finds out whether Planhat may have rejected a row because its company is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from planhat_api import OutcomeKind
from planhat_api.bulk.wording import may_concern_company

if TYPE_CHECKING:
    from planhat_api import Outcome
    from planhat_api.models.registry import Model
    from target_planhat.rows.item import Item

__all__ = ["may_lack_company"]


def may_lack_company(model: Model, item: Item, outcome: Outcome) -> bool:
    """Whether a row may have been rejected because its company is missing."""
    if model.company is None or outcome.kind is not OutcomeKind.REJECTED:
        return False
    field = model.company.removesuffix("[]")
    body = msgspec.json.decode(item.body)
    if not any(body.get(name) for name in (model.company_lookup.fields if model.company_lookup else (field,))):
        # The domain of the address may belong to a company that has not been sent yet (B86).
        return model.company_lookup is not None and bool(body.get(model.company_lookup.address))
    return outcome.may_pass_later or may_concern_company(outcome.reason or "", model)
