"""Words the likely reason why Planhat does not show a row that it claims to have stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import OutcomeKind
from planhat_api.jsontext import decode
from planhat_api.lists.companies import domain_of
from planhat_api.redaction import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model, Skipped
    from target_planhat.delivery.claimed.claimed_rows import Claimed

__all__ = ["why_missing"]

_LONGEST_DOMAIN = 100


def why_missing(model: Model, claimed: Claimed, taken: str | None) -> str:
    """Why Planhat most likely left out a row, with the numbers of the facts and questions.

    Args:
        model: The model of the row.
        claimed: The row.
        taken: The first of its keys that another record has too; None if there is none.
    """
    said = "created the row" if claimed.outcome.kind is OutcomeKind.CREATED else "accepted the row"
    text = f"Planhat's answer says that it {said}, but Planhat does not show it"
    skipped = model.skipped
    if skipped is None:
        return text
    likely = _likely(skipped, model, decode(claimed.item.body))
    if taken is not None:
        likely = f"most likely because another record has the same {taken}, or else because {likely}"
    else:
        likely = f"most likely because {likely}"
    return f"{text}, {likely} ({', '.join(skipped.facts)})"


def _likely(skipped: Skipped, model: Model, body: Mapping[str, object]) -> str:
    absent = [name for name in skipped.needs if not body.get(name)]
    if absent:
        return f"it has no {' and no '.join(absent)}"
    lookup = model.company_lookup
    fields = lookup.fields if lookup else [name for name in skipped.placed_by if name.startswith("company")]
    named = [name for name in fields if body.get(name)]
    if named:
        return f"no company has its {' or its '.join(named)}"
    others = [name for name in skipped.placed_by if name not in fields and body.get(name)]
    if not others:
        return f"it has none of {', '.join(skipped.placed_by)}, one of which must lead to a company"
    unnamed, address = f"it names no company ({' or '.join(fields)})", body[others[0]]
    if lookup is not None and isinstance(address, str) and "@" in address:
        domain = shortened(domain_of(address), _LONGEST_DOMAIN)
        return f"{unnamed}, and no company has {domain} among its domains"
    return f"{unnamed}, and its {' and '.join(others)} leads to none"
