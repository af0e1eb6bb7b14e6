"""Interprets the texts of Planhat's errors, as far as they are known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from planhat_api.outcome import OutcomeKind

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_api.outcome import Outcome

__all__ = ["is_refused_as_duplicate", "may_concern_company"]

_WORD = re.compile(r"\w+")


def is_refused_as_duplicate(outcome: Outcome) -> bool:
    """Whether Planhat rejected the row because another row has its keys. The text is known from one report (B90).

    The other row may come from another program at the same time. Then the row can be stored a moment later.
    """
    return outcome.reason is not None and outcome.kind is OutcomeKind.REJECTED and "duplicate" in outcome.reason.lower()


def may_concern_company(reason: str, model: Model) -> bool:
    """Whether a rejection may concern the company of the row.

    The texts of Planhat's errors are not known (Q1). Only a reason with another field of the model and without a
    company excludes it.

    Args:
        reason: The text of Planhat's error.
        model: The model of the row.
    """
    field = (model.company or "").removesuffix("[]")
    said = reason.lower()
    words = set(_WORD.findall(said))
    if "compan" in said or field.lower() in words:
        return True
    return not any(name.lower() in words for name in model.properties if name not in {field, "_id"})
