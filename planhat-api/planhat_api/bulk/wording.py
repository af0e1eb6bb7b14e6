"""Reads what Planhat's own words for a refusal mean, as far as they are known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from planhat_api.outcome import Fate

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_api.outcome import Outcome

__all__ = ["is_refused_as_duplicate", "may_speak_of_company"]

_WORD = re.compile(r"\w+")


def is_refused_as_duplicate(outcome: Outcome) -> bool:
    """Whether Planhat refused the row for keys that another row has; the wording is known from one report (B90).

    Such a refusal may be due to rows that somebody else sends at the same time, and be over a moment later.
    """
    return outcome.reason is not None and outcome.fate is Fate.REJECTED and "duplicate" in outcome.reason.lower()


def may_speak_of_company(reason: str, model: Model) -> bool:
    """Whether a refusal of a row may be about the company that the row names.

    The wording of Planhat's errors is not known (Q1): a reason that speaks of another field of the model, and of no
    company, rules it out; any other reason does not.

    Args:
        reason: What Planhat said.
        model: The model of the row.
    """
    field = (model.company or "").removesuffix("[]")
    said = reason.lower()
    words = set(_WORD.findall(said))
    if "compan" in said or field.lower() in words:
        return True
    return not any(name.lower() in words for name in model.properties if name not in {field, "_id"})
