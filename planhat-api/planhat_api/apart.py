"""Keeps rows that share a key out of one request (B64, B90)."""

from __future__ import annotations

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
    if _share_nothing(rows):
        return [list(range(len(rows)))] if rows else []
    groups: list[list[int]] = []
    next_turn: dict[tuple[str, str], int] = {}
    for index, row in enumerate(rows):
        keys = [(name, folded(name, value)) for name, value in row.keys.items()]
        turn = max((next_turn.get(key, 0) for key in keys), default=0)
        if most is not None:
            turn = min(turn, most - 1)
        next_turn.update(dict.fromkeys(keys, turn + 1))
        if turn == len(groups):
            groups.append([])
        groups[turn].append(index)
    return groups


def _share_nothing(rows: Sequence[Row]) -> bool:
    """Whether no two rows share a key: the usual case, told without a look at each pair."""
    values: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.keys.items():
            values.setdefault(name, []).append(value)
    return all(len(set(folded_all(name, found))) == len(found) for name, found in values.items())
