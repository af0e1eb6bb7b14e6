"""Decides from what Planhat holds whether a row that it claims to have stored is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import OutcomeKind, Row
from planhat_api.jsontext import decode, encode
from target_planhat.delivery.claimed.claimed_rows import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api.destination.index import DestinationIndex
    from planhat_api.destination.matching import Match
    from target_planhat.delivery.claimed.claimed_rows import Claimed

    WhyMissing = Callable[[Claimed, str | None], str]
    """Gives the likely reason for a missing row. The text is a key that another record has too; None if none has."""

__all__ = ["row_of", "verdicts"]

_NO_KEY = "Planhat named no _id, and the row has no key that it could be found by"


def row_of(claimed: Claimed, *, with_keys: bool) -> Row:
    """A row that leads to the claimed record by its ``_id``, if Planhat named it, and by its keys.

    Args:
        claimed: The claimed row.
        with_keys: Whether its own keys are needed besides its ``_id``.
    """
    planhat_id = claimed.outcome.planhat_id
    if planhat_id is None:
        return claimed.item
    body = decode(claimed.item.body) if with_keys else {}
    return Row(encode({**body, "_id": planhat_id}))


def verdicts(
    index: DestinationIndex, rows: Sequence[Claimed], why_missing: WhyMissing
) -> Iterator[tuple[Claimed, Verdict, str]]:
    """The verdict of each row, with what is known beyond it.

    A row is there if Planhat shows its ``_id``, or surely matches its keys with a record. It is missing only if all
    rows of the model are known and none of them may be it.
    """
    named = [row for row in rows if row.outcome.planhat_id is not None]
    shown = {
        row.place
        for row, match in zip(named, index.find([row_of(row, with_keys=False) for row in named]), strict=True)
        if match.held is not None
    }
    yield from ((row, Verdict.LANDED, "") for row in rows if row.place in shown)
    others = [row for row in rows if row.place not in shown]
    for row, match in zip(others, index.find([row.item for row in others]), strict=True):
        verdict, reason = _of_keys(index, row, match, why_missing)
        yield row, verdict, reason


def _of_keys(index: DestinationIndex, row: Claimed, match: Match, why_missing: WhyMissing) -> tuple[Verdict, str]:
    if match.held is not None and match.doubt is None:
        return Verdict.LANDED, ""
    # A row that was just created cannot be an archived one. An accepted row may have changed one.
    index.seeks_new_rows = row.outcome.kind is OutcomeKind.CREATED
    keys = index.keys_of(row_of(row, with_keys=True))
    if not keys:
        return Verdict.CANNOT_TELL, _NO_KEY
    gaps = (index.gap(name, value) for name, value in keys.items())
    gap = next((gap for gap in gaps if gap is not None), None)
    if gap is not None:
        return Verdict.CANNOT_TELL, gap
    taken = next((name for name, value in keys.items() if index.holders(name, value)), None)
    if taken is not None and match.doubt is not None:
        return Verdict.CANNOT_TELL, match.doubt
    return Verdict.MISSING, why_missing(row, taken)
