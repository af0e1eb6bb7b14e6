"""Finds out whether points arrived whose call brought no answer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from planhat_api.points.arrival import Arrivals, arrivals
from planhat_api.points.combining import RULES, explains, same
from planhat_api.points.windows import Window, windows
from target_planhat.clock import growing_pauses

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping, Sequence

    from planhat_api.points.point import Slot
    from target_planhat.clock import Clock
    from target_planhat.tenant.metric_days import MetricDays

__all__ = ["Doubt", "EndingError", "Expected", "Inspection", "may_show_others"]


class EndingError(Exception):
    """The run has to end, so that nothing can be found out any more."""


@dataclass
class Doubt:
    """The points for one day of which it is not known whether they arrived.

    Attributes:
        slot: The place of their value.
        dimension: Their metric.
        model: The model of their record.
        day: The day, counted since 1970-01-01.
        rule: How the metric combines the values of a day; None if this is not known.
        before: What the day held before the run; None for nothing.
        is_known: Whether it is known what the day held.
        certain: Values that Planhat accepted for the day in this run.
        doubtful: Values of the points.
        at: When the last of all these was sent, in seconds since 1970-01-01.
        is_alone: Whether nothing else may have been on its way to the day when it was sent.
        others: The places of the days beside the day that the points may be for (Q26), and what each must show if they
            are not for it; None if this is not known.
    """

    slot: Slot
    dimension: str
    model: str
    day: int
    rule: str | None
    before: float | None
    is_known: bool
    certain: list[float]
    doubtful: list[float]
    at: float
    is_alone: bool
    others: dict[Slot, Expected | None]

    def is_elsewhere(self, shown: Mapping[Slot, float], doubts: Mapping[Slot, Doubt]) -> bool:
        """Whether a day beside the day may show the points.

        Args:
            shown: What days show.
            doubts: The days with points in doubt.
        """
        for slot, expected in self.others.items():
            value = shown.get(slot)
            if slot in doubts:
                if not doubts[slot].arrived(value).explain:
                    return True
            elif may_show_others(expected, value, self.doubtful):
                return True
        return False

    def arrived(self, shown: float | None) -> Arrivals:
        """Which of the points arrived, from what the day shows."""
        if not self.is_known and shown is not None:
            return Arrivals([None] * len(self.doubtful), are_final=True)
        rules = RULES if self.rule is None else (self.rule,)
        return arrivals(rules, self.before, self.certain, self.doubtful, shown)


class Expected(NamedTuple):
    """What a day shows if no other points are for it than those that the run knows of.

    Attributes:
        before: What it held before the run; None for nothing.
        values: Values that Planhat accepted for it in this run.
    """

    before: float | None
    values: list[float]


def may_show_others(expected: Expected | None, shown: float | None, values: Sequence[float]) -> bool:
    """Whether a day may show these points although they are for the day beside it (Q26).

    Args:
        expected: What the day shows without them; None if this is not known.
        shown: What it shows; None for nothing.
        values: The points.
    """
    if expected is None:
        return shown is not None and any(same(shown, value) for value in values)
    return not any(explains(rule, expected.before, expected.values, shown) for rule in RULES)


class Inspection:
    """Reads days until they tell, or until Planhat must have processed everything."""

    def __init__(self, days: MetricDays, clock: Clock, settle_seconds: float, logger: logging.Logger) -> None:
        """Prepare to read.

        Args:
            days: Reads days.
            clock: The clock of the run.
            settle_seconds: How long Planhat may need until points that it accepted can be read (B83).
            logger: Logger of the target.
        """
        self._days = days
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._logger = logger

    def find_out(self, doubts: Sequence[Doubt]) -> list[list[bool | None]]:
        """For each day, which of its points arrived; None if the day does not tell.

        Raises:
            EndingError: The run has to end first.
        """
        results: list[list[bool | None]] = [[None] * len(doubt.doubtful) for doubt in doubts]
        pending = dict(enumerate(doubts))
        by_slot = {doubt.slot: doubt for doubt in doubts}
        for model in {doubt.model for doubt in doubts}:
            self._days.expect(model)
        is_told = False
        for pause in growing_pauses():
            read_at = self._clock.now()
            shown = self._shown(pending.values())
            for place, doubt in [*pending.items()]:
                found = doubt.arrived(shown.get(doubt.slot))
                results[place] = found.arrived
                if found.are_final or read_at >= doubt.at + self._settle_seconds:
                    del pending[place]
                    if not all(found.arrived) and doubt.is_elsewhere(shown, by_slot):
                        results[place] = [arrived or None for arrived in found.arrived]
                elif not doubt.is_known and doubt.is_alone:
                    # Nothing was there when the day was first read, so it held nothing before.
                    doubt.is_known = True
            if not pending:
                break
            end = max(doubt.at for doubt in pending.values()) + self._settle_seconds
            if not is_told:
                is_told = True
                text = "Waiting at most %.0f s until Planhat shows whether %s metric points arrived"
                number = sum(len(doubt.doubtful) for doubt in pending.values())
                self._logger.info(text, max(0, end - self._clock.now()), number)
            if not self._clock.wait(max(min(pause, end - self._clock.now()), 0)):
                raise EndingError
        return results

    def _shown(self, doubts: Iterable[Doubt]) -> dict[Slot, float]:
        """What the days show."""
        of_metric: dict[str, list[Doubt]] = defaultdict(list)
        for doubt in doubts:
            of_metric[doubt.dimension].append(doubt)
        shown: dict[Slot, float] = {}
        for dimension, some in of_metric.items():
            days = {doubt.day for doubt in some}
            for window in windows(days, len(some) / len(days)):
                within = {doubt.slot: doubt for doubt in some if doubt.day in window}
                wanted = {slot for doubt in within.values() for slot in (doubt.slot, *doubt.others)}
                for page in self._days.read(dimension, Window(window.first - 1, window.last + 1)):
                    shown.update((slot, value) for slot, value in page if slot in wanted)
                    if all(slot in shown and doubt.arrived(shown[slot]).are_final for slot, doubt in within.items()):
                        break
        return shown
