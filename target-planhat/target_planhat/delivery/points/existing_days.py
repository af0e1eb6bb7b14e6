"""Decides what is sent of points whose day holds a value already."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum, isfinite
from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind
from planhat_api.points.combining import explains, same, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_planhat.stream_settings import ExistingPoints

__all__ = ["DayState", "Decided", "decide"]

_UNCHANGED = Outcome(OutcomeKind.UNCHANGED)
_HOLDS = "the day holds another value already"
_KEPT = Outcome(
    OutcomeKind.HELD_BACK,
    None,
    f"{_HOLDS}. Set existing_points to replace, and combine, if it is to hold this one; to add if points add up",
)
_NO_RULE = Outcome(
    OutcomeKind.HELD_BACK, None, f"{_HOLDS}, and how the metric combines values is not known. Set combine for it"
)
_NO_WAY = Outcome(OutcomeKind.HELD_BACK, None, f"{_HOLDS}, and no point can change it to this one with combine: {{}}")
_UNKNOWN = Outcome.rejected("it is not known what the day holds: an earlier point for it may have arrived")

_TELLING = ("sum", "average")
"""If a day holds one of several values, it is not known whether the metric has combined them to it."""

_PART_OF_A_DAY = Outcome.rejected(
    f"{_HOLDS}, perhaps of other points of this input, which a rejects file does not have. Send the whole input again"
)

Decided = list[float] | float | Outcome
"""Each point is sent with its value; or one point with this value in place of all; or all have this outcome."""


@dataclass
class DayState:
    """What is known of a day.

    Attributes:
        before: What it held before the run; None for nothing.
        is_known: Whether it is known what it held.
        sent: Values that Planhat accepted for it in this run.
        wanted: Values of the input for it so far.
        sent_at: When the last value was sent, in seconds since 1970-01-01.
    """

    before: float | None = None
    is_known: bool = True
    sent: list[float] = field(default_factory=list)
    wanted: list[float] = field(default_factory=list)
    sent_at: float = 0.0


def decide(
    policy: ExistingPoints, rule: str | None, state: DayState, values: Sequence[float], *, is_replay: bool = False
) -> Decided:
    """What is sent of points for one day.

    Args:
        policy: What is done if the day holds a value.
        rule: How the metric combines the values of a day; None if this is not known.
        state: What is known of the day.
        values: The points, in their order.
        is_replay: Whether one of them comes from a rejects file. The other points of its day are not in the input then.
    """
    if policy == "add" or (state.is_known and state.before is None):
        return [*values]
    if not state.is_known or state.before is None:
        return _UNKNOWN
    wanted = [*state.wanted, *values]
    if policy == "keep" or rule is None:
        rules = _TELLING if rule is None else (rule,)
        holds_them = all(same(value, state.before) for value in values) or any(
            explains(one, None, wanted, state.before) for one in rules
        )
        return _UNCHANGED if holds_them else _KEPT if policy == "keep" else _NO_RULE
    decided = _replacing(rule, state, wanted)
    return _PART_OF_A_DAY if is_replay and isinstance(decided, float) else decided


def _replacing(rule: str, state: DayState, wanted: Sequence[float]) -> Decided:
    """What is sent so that a day holds what the points of the input make together."""
    aim = total(rule, None, wanted)
    now = total(rule, state.before, state.sent)
    if aim is not None and same(aim, now):
        return _UNCHANGED
    if aim is not None and now is not None:
        if rule == "sum" and isfinite(aim - now):
            return fsum([aim, -now])
        if rule != "sum" and total(rule, now, [aim]) == aim:
            return aim
    return Outcome(OutcomeKind.HELD_BACK, None, (_NO_WAY.reason or "").format(rule))
