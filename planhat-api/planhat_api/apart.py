"""Keeps rows that share a key out of one request (B64, B90)."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.row import Row

__all__ = ["MOST_TURNS", "folded", "folded_all", "turns"]

MOST_TURNS = 20
"""Into how many requests rows that share a key are spread.

A person who belongs to hundreds of companies would otherwise cost hundreds of calls. Rows beyond that number go
together in the last request, and those that Planhat refuses there as duplicated are tried once more.
"""


def folded(name: str, value: str) -> str:
    """The form of a key in which two keys that Planhat may take for one are equal.

    Whether Planhat tells addresses apart that differ in case only is not known (Q21), so they count as one.
    """
    return value.casefold() if name == "email" else value


def folded_all(name: str, values: list[str]) -> list[str]:
    """``folded`` for each of many values of one key."""
    return [value.casefold() for value in values] if name == "email" else values


def turns(rows: Sequence[Row], most: int | None = MOST_TURNS) -> list[list[int]]:
    """Indices of the rows in groups, none of which holds a key twice. Rows that share a key keep their order.

    Planhat refused rows of one request with equal externalId and email although they belong to different companies
    (B90), so a key counts whatever the company.

    Args:
        rows: Rows in the order in which they have to take effect.
        most: How many groups there may be; the last one then holds all that remains. None for as many as it takes.
    """
    sharing = _sharing(rows)
    groups = [[index for index in range(len(rows)) if index not in sharing]] if sharing else [list(range(len(rows)))]
    next_turn: dict[tuple[str, str], int] = {}
    for index in sorted(sharing):
        keys = [(name, folded(name, value)) for name, value in rows[index].keys.items()]
        turn = max(next_turn.get(key, 0) for key in keys)
        if most is not None:
            turn = min(turn, most - 1)
        next_turn.update(dict.fromkeys(keys, turn + 1))
        if turn == len(groups):
            groups.append([])
        groups[turn].append(index)
    return [sorted(group) for group in groups] if rows else []


def _sharing(rows: Sequence[Row]) -> set[int]:
    """Indices of the rows that share a key with another row: usually very few."""
    carried = [row.keys for row in rows]
    sharing: set[int] = set()
    for name in set(chain.from_iterable(carried)):
        forms = [keys.get(name) for keys in carried]
        if name == "email":
            forms = [value and folded(name, value) for value in forms]
        if len(set(forms)) < len(forms):
            repeated = {form for form, times in Counter(forms).items() if form is not None and times > 1}
            sharing.update(index for index, form in enumerate(forms) if form in repeated)
    return sharing
