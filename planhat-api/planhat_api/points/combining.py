"""Tells which value a day may show after points were added to it (B82)."""

from __future__ import annotations

from math import fsum, inf, isclose
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["RULES", "explains", "rules_that_explain", "total"]

RULES = ("sum", "last", "min", "max", "average")
"""The settings of a metric for several points on one day (B82)."""
_RELATIVE, _ABSOLUTE = 1e-12, 1e-15
_MOST_COUNTED = 1e9
"""A day that combines more values than this is not recognised as an average."""


def total(rule: str, before: float | None, values: Sequence[float]) -> float | None:
    """The value of a day after points were added to it.

    Args:
        rule: How the metric combines the values of a day.
        before: What the day held; None if it held nothing.
        values: The points in the order in which they were sent.

    Returns:
        The value; None if it is not known: how many values an average was made of is not told.
    """
    if not values:
        return before
    held = [] if before is None else [before]
    if rule == "sum":
        return _sum([*held, *values])
    if rule == "last":
        return values[-1]
    if rule == "average":
        return None if held else _sum(values) / len(values)
    return min([*held, *values]) if rule == "min" else max([*held, *values])


def explains(rule: str, before: float | None, values: Sequence[float], shown: float | None) -> bool:
    """Whether a day may show a value after points were added to it.

    Args:
        rule: How the metric combines the values of a day.
        before: What the day held; None if it held nothing.
        values: The points in the order in which they were sent.
        shown: What the day shows; None for nothing. A day whose value is zero may show nothing (B82).
    """
    if not values:
        return same(before, shown)
    if shown is None:
        return explains(rule, before, values, 0.0)
    if rule == "last":
        # It is not known whether the last is the one that arrived last or the one with the latest time (Q29).
        return any(same(value, shown) for value in (*values, before))
    if rule == "average" and before is not None:
        return _is_average(before, values, shown)
    return same(total(rule, before, values), shown)


def rules_that_explain(
    rules: Collection[str], before: float | None, values: Sequence[float], shown: float | None
) -> frozenset[str]:
    """The rules with which a day may show a value; see ``explains``."""
    return frozenset(rule for rule in rules if explains(rule, before, values, shown))


def same(one: float | None, other: float | None) -> bool:
    """Whether two values of a day are equal. Sums of fractions may differ in the last digits."""
    if one is None or other is None:
        return one is other
    if one == other or (float(one).is_integer() and float(other).is_integer()):
        return one == other
    return isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)


def _sum(values: Sequence[float]) -> float:
    """The exact sum; infinite if it is too large for a number."""
    try:
        return fsum(values)
    except OverflowError:
        return inf


def _is_average(before: float, values: Sequence[float], shown: float) -> bool:
    """Whether a whole number of earlier values with this average, and these values, have the average that is shown."""
    if same(shown, before):
        return same(_sum(values) / len(values), shown)
    number = (_sum(values) - len(values) * shown) / (shown - before)
    whole = round(number) if abs(number) < _MOST_COUNTED else 0
    return whole >= 1 and same((whole * before + _sum(values)) / (whole + len(values)), shown)
