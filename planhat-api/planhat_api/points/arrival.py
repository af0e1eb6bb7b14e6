"""Finds out from what days show which points arrived."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from planhat_api.points.combining import explains, rules_that_explain, same

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

__all__ = ["Arrivals", "Landing", "arrivals", "landing"]

_MOST_CASES = 512
"""With more possible cases than this, a day only tells whether all of its points arrived or none."""


class Landing(Enum):
    """What a day shows of the points that Planhat accepted for it."""

    LANDED = "landed"
    """The day shows what it must show with them."""
    ABSENT = "absent"
    """The day shows what it held before."""
    EITHER = "either"
    """The day shows the same with and without them."""
    OTHER = "other"
    """The day shows something else: others have written to it too, or not all of them are processed."""


def landing(
    rules: Collection[str], before: float | None, values: Sequence[float], shown: float | None
) -> tuple[Landing, frozenset[str]]:
    """What a day shows of the points that Planhat accepted for it. They all land or none, since they have one record.

    Args:
        rules: The rules by which the metric may combine the values of a day.
        before: What the day held before; None if it held nothing.
        values: The points in the order in which they were sent.
        shown: What it shows now; None for nothing.

    Returns:
        What it shows, and the rules by which it may have come to its value.
    """
    explaining = rules_that_explain(rules, before, values, shown)
    if same(before, shown):
        return (Landing.EITHER if explaining else Landing.ABSENT), explaining
    return (Landing.LANDED if explaining else Landing.OTHER), explaining


@dataclass(frozen=True)
class Arrivals:
    """Which of the points of a day arrived.

    Attributes:
        arrived: For each point whether it arrived; None if the day does not tell.
        are_final: Whether nothing else can come: the day shows that all of them arrived.
        explain: Whether any of the points explain what the day shows.
    """

    arrived: list[bool | None]
    are_final: bool
    explain: bool = True


def arrivals(
    rules: Collection[str],
    before: float | None,
    certain: Sequence[float],
    doubtful: Sequence[float],
    shown: float | None,
) -> Arrivals:
    """Which points arrived of those whose call brought no answer.

    Points with equal values are interchangeable: if some of them arrived, these are the first ones.

    Args:
        rules: The rules by which the metric may combine the values of a day.
        before: What the day held before; None if it held nothing.
        certain: Points that Planhat accepted for the day in other calls of the run.
        doubtful: The points of calls without an answer.
        shown: What the day shows now; None for nothing.
    """
    wanted = Counter(doubtful)
    cases = [
        case
        for case in _cases(wanted)
        if any(explains(rule, before, [*certain, *_chosen(doubtful, case)], shown) for rule in rules)
    ]
    if not cases:
        return Arrivals([None] * len(doubtful), are_final=False, explain=False)
    fewest = {value: min(case[value] for case in cases) for value in wanted}
    most = {value: max(case[value] for case in cases) for value in wanted}
    passed: Counter[float] = Counter()
    arrived: list[bool | None] = []
    for value in doubtful:
        passed[value] += 1
        arrived.append(True if passed[value] <= fewest[value] else False if passed[value] > most[value] else None)
    return Arrivals(arrived, are_final=all(found is True for found in arrived))


def _cases(wanted: Counter[float]) -> Iterator[Counter[float]]:
    """The possible numbers of arrived points of each value."""
    if prod(number + 1 for number in wanted.values()) > _MOST_CASES:
        yield Counter()
        yield Counter(wanted)
        return
    for numbers in product(*(range(number + 1) for number in wanted.values())):
        yield Counter(dict(zip(wanted, numbers, strict=True)))


def _chosen(doubtful: Sequence[float], case: Counter[float]) -> list[float]:
    left = Counter(case)
    chosen = []
    for value in doubtful:
        if left[value] > 0:
            left[value] -= 1
            chosen.append(value)
    return chosen
