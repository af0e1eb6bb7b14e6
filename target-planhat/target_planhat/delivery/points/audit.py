"""Finds out after the run which of the points that Planhat accepted landed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from planhat_api import PlanhatError, TemporaryFileError
from planhat_api.points.arrival import Landing, arrivals, landing
from planhat_api.points.combining import RULES, same, total
from planhat_api.points.point import day_of_point, other_days, read_points
from planhat_api.points.windows import windows
from target_planhat.clock import growing_pauses
from target_planhat.delivery.points.inspection import may_show_others
from target_planhat.delivery.points.point_rows import slots_beside
from target_planhat.tenant.existing_rows import model_named

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from planhat_api.points.point import Point, Slot
    from planhat_api.points.windows import Window
    from target_planhat.clock import Clock
    from target_planhat.delivery.points.inspection import Expected
    from target_planhat.delivery.points.run_days import AuditedDay, RunDays
    from target_planhat.rows.item import Item
    from target_planhat.tenant.metric_days import MetricDays
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Audit", "Audited", "Verdict"]

_FEW = 8
"""With more points, a day may show a part of them and look as if it showed all."""
_FEWEST = 2
"""So many days must agree until they show how a metric combines values."""


class Verdict(IntEnum):
    """What the audit found out about a point that Planhat accepted."""

    LANDED = 0
    """Its day shows it."""
    COMBINED = 1
    """Its day shows it combined with other values of the day."""
    MISSING = 2
    """Its day shows what it held before, although Planhat has had the time to process it."""
    DIFFERS = 3
    """Its day shows another value than the points that were sent make: others have written to it too."""
    CANNOT_TELL = 4
    """Its day shows the same with and without it, or it is not known what the day held before."""
    NOT_YET = 5
    """Its day shows what it held before, and the run had to end before Planhat must have processed it."""

    @property
    def word(self) -> str:
        """The verdict for users."""
        return self.name.lower().replace("_", " ")


class Audited(NamedTuple):
    """A point with its verdict.

    Attributes:
        item: Its row.
        verdict: The verdict.
        reason: What is known beyond it; empty if there is nothing.
    """

    item: Item
    verdict: Verdict
    reason: str


@dataclass
class _Evidence:
    """What days show of the rule by which a metric combines values.

    Attributes:
        days: How many days show something of it.
        rules: The rules that explain all of them.
    """

    days: int = 0
    rules: frozenset[str] = frozenset(RULES)

    def add(self, rules: frozenset[str]) -> None:
        """Add a day that these rules explain."""
        self.days += 1
        self.rules &= rules


class Audit:
    """Reads the days that the run wrote to, until they show what was sent or Planhat must have processed it."""

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        days: RunDays,
        metric_days: MetricDays,
        tenant: Tenant,
        clock: Clock,
        *,
        settle_seconds: float,
        rules: Mapping[str, str | None],
        expected: Callable[[Iterable[Slot]], Mapping[Slot, Expected | None]] | None,
        note_landed: Callable[[list[tuple[str, int]]], None],
        logger: logging.Logger,
    ) -> None:
        """Prepare the audit.

        Args:
            days: The days that the run wrote to.
            metric_days: Reads days.
            tenant: Tells which records exist.
            clock: The clock of the run.
            settle_seconds: How long Planhat may need until points that it accepted can be read (B83).
            rules: How metrics combine the values of a day, as far as this is known.
            expected: Tells what days show without points of other days; None if it is known when days end.
            note_landed: Called with metrics and days of which all points have landed.
            logger: Logger of the target.
        """
        self._days = days
        self._metric_days = metric_days
        self._tenant = tenant
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._rules = rules
        self._expected = expected
        self._note_landed = note_landed
        self._logger = logger
        self._evidence: dict[str, _Evidence] = defaultdict(_Evidence)
        self._has_landed: set[str] = set()
        self._has_points: set[str] = set()
        self._fresh_models: set[str] = set()
        self._elsewhere: set[int] = set()
        self.counts: Counter[Verdict] = Counter()
        self.calls = 0
        self.seconds = 0.0

    def run(self, *, wants_all: bool) -> Iterator[Audited]:
        """Wait until each point has a verdict, then yield the points that did not land.

        Args:
            wants_all: Whether the points that landed are yielded too.
        """
        began, calls = self._clock.now(), self._tenant.calls
        try:
            self._read_until_settled()
            if self._expected is not None:
                for dimension in self._days.dimensions:
                    self._look_beside(dimension, self._expected)
        except TemporaryFileError:
            raise
        except PlanhatError as error:
            self._logger.warning("The metric points of this run cannot be read back any further: %s", error)
        self.calls, self.seconds = self._tenant.calls - calls, self._clock.now() - began
        for dimension in self._days.dimensions:
            yield from self._verdicts(dimension, wants_all=wants_all)

    # Reading

    def _read_until_settled(self) -> None:
        """Read days until each has a verdict, or until the run has to end."""
        last = self._days.last_sent
        if last is None:
            return
        # Until the points that were sent last can be read, reading the others would be in vain.
        first, last_at = last
        pending = [*self._days.dimensions]
        is_told = False
        for pause in growing_pauses():
            others = [dimension for dimension in pending if dimension != first]
            if first in pending:
                self._read_all([first], pending)
            if first not in pending or first in self._has_landed:
                self._read_all(others, pending)
            if not pending:
                return
            left = last_at + self._settle_seconds - self._clock.now()
            if not is_told:
                is_told = True
                self._logger.info("Waiting at most %.0f s until Planhat shows the points of this run", max(left, 0))
            if not self._clock.wait(max(min(pause, left), 0)):
                return

    def _read_all(self, dimensions: Sequence[str], pending: list[str]) -> None:
        """Read the open days of some metrics, and remove those without open days from the pending ones."""
        for dimension in dimensions:
            if not self._read(dimension):
                pending.remove(dimension)

    def _read(self, dimension: str) -> bool:
        """Read the open days of a metric once. Return whether some are still open."""
        open_days = self._days.open_days(dimension)
        if not open_days:
            return False
        read_at = self._clock.now()
        for window in windows(open_days, sum(open_days.values()) / len(open_days)):
            wanted = sum(number for day, number in open_days.items() if day in window)
            seen = 0
            for values in self._metric_days.read(dimension, window):
                if values:
                    self._has_points.add(dimension)
                self._days.note_shown(values)
                seen += len(values)
                if seen >= wanted:
                    # If all points show, the proof that the list has no more costs no call.
                    if not self._settle(dimension, window, self._shown_in):
                        break
                    wanted = 2 * seen
        return self._settle(dimension, None, lambda dimension, day: self._absent(dimension, day, read_at)) > 0

    def _settle(self, dimension: str, window: Window | None, judge: Callable[[str, AuditedDay], Verdict | None]) -> int:
        """Give verdicts to open days of a metric. Return how many remain open."""
        still_open = 0
        for days in self._days.audited(dimension, is_open=True, window=window):
            verdicts = [(day.place, judge(dimension, day)) for day in days]
            self._days.note_verdicts((place, verdict) for place, verdict in verdicts if verdict is not None)
            still_open += sum(verdict is None for _, verdict in verdicts)
        return still_open

    def _shown_in(self, dimension: str, day: AuditedDay, *, is_over: bool = False) -> Verdict | None:
        """The verdict of a day that shows its points; None if it does not.

        Args:
            dimension: The metric.
            day: The day.
            is_over: Whether Planhat must have processed all of its points.
        """
        if not day.is_known:
            return None if day.shown is None else Verdict.CANNOT_TELL
        rules = self._rules_of(dimension)
        found, explaining = landing(rules, day.before, day.values, day.shown)
        if found is Landing.LANDED and (is_over or len(rules) == 1 or _can_only_be_all(rules, day)):
            self._has_landed.add(dimension)
            if len(explaining) < len(RULES):
                self._evidence[dimension].add(explaining)
            is_alone = len(day.values) == 1 and same(day.values[0], day.shown)
            return Verdict.LANDED if is_alone else Verdict.COMBINED
        if found is Landing.EITHER and len(rules) == 1 and same(total(*rules, day.before, day.values), day.before):
            return Verdict.CANNOT_TELL
        return None

    def _absent(self, dimension: str, day: AuditedDay, read_at: float) -> Verdict | None:
        """The verdict of a day that does not show its points, after all days were read; None if it may still come."""
        is_over = read_at >= day.at + self._settle_seconds
        found = self._shown_in(dimension, day, is_over=is_over)
        if found is not None:
            return found
        kind = landing(self._rules_of(dimension), day.before, day.values, day.shown)[0]
        if kind is Landing.ABSENT and (is_over or (dimension in self._has_landed and self._has_no_record(day))):
            return Verdict.MISSING
        if not is_over:
            return None
        return Verdict.DIFFERS if kind is Landing.OTHER else Verdict.CANNOT_TELL

    def _rules_of(self, dimension: str) -> tuple[str, ...]:
        """The rules by which a metric may combine the values of a day: of the settings, or what its days show."""
        known = self._rules.get(dimension)
        if known is not None:
            return (known,)
        evidence = self._evidence[dimension]
        agreed = evidence.rules if evidence.days >= _FEWEST else frozenset()
        return tuple(rule for rule in RULES if rule in agreed) or RULES

    def _look_beside(
        self, dimension: str, expected: Callable[[Iterable[Slot]], Mapping[Slot, Expected | None]]
    ) -> None:
        """Take back that points are missing if the day beside theirs may show them (Q26)."""
        missing: dict[int, tuple[list[float], list[Slot]]] = {}
        days: set[int] = set()
        for some in self._days.audited(dimension, is_open=False):
            for day in some:
                if day.verdict == Verdict.MISSING and not self._has_no_record(day):
                    slots = [slot for point, _ in self._points_of(day) for slot in _slots_beside(point)]
                    missing[day.place] = day.values, slots
                    days.update(self._days.day_of(day.place) + step for step in (-1, 1))
        if not missing:
            return
        wanted = {slot for _, slots in missing.values() for slot in slots}
        shown: dict[Slot, float] = {}
        for window in windows(days, len(wanted) / len(days)):
            for page in self._metric_days.read(dimension, window):
                shown.update((slot, value) for slot, value in page if slot in wanted)
        known = expected(wanted)
        doubtful = [
            place
            for place, (values, slots) in missing.items()
            if any(may_show_others(known[slot], shown.get(slot), values) for slot in slots)
        ]
        self._days.note_verdicts((place, Verdict.CANNOT_TELL) for place in doubtful)
        self._elsewhere.update(doubtful)

    # Reasons

    def _has_no_record(self, day: AuditedDay) -> bool:
        return any(not self._has_record(point) for point, _ in self._points_of(day))

    def _points_of(self, day: AuditedDay) -> list[tuple[Point, Item]]:
        items = [item for _, item in self._days.items_of(day.place)]
        return list(zip(read_points([item.body for item in items]), items, strict=True))

    def _has_record(self, point: Point) -> bool:
        """Whether the record of a point exists. A record that is not known is looked for once more."""
        model = model_named(point.model_name)
        if model is None or point.external_id in self._tenant.external_ids(model):
            return True
        if model.path not in self._fresh_models:
            self._fresh_models.add(model.path)
            self._tenant.forget_external_ids(model)
        return point.external_id in self._tenant.external_ids(model)

    def _why_missing(self, dimension: str, point: Point) -> str:
        if not self._has_record(point):
            others = [name for name in self._tenant.models_with(point.external_id) if name != point.model_name]
            other = f", but a record of {others[0]} has: is `model` wrong?" if others else ""
            return f"did not land: no {point.model_name} has this externalId{other}"
        if dimension not in self._has_points:
            return "did not land: Planhat shows no point of this metric: is `dimensionId` wrong?"
        seconds = f"{self._settle_seconds:.0f}"
        return f"did not land: its day shows what it held before, {seconds} seconds after the point was accepted"

    # Verdicts

    def _verdicts(self, dimension: str, *, wants_all: bool) -> Iterator[Audited]:
        self._note_landed(self._days.settled_days(dimension, [Verdict.LANDED, Verdict.COMBINED]))
        rules = self._rules_of(dimension)
        rule = rules[0] if len(rules) == 1 else "one of " + ", ".join(rules)
        for days in self._days.audited(dimension, is_open=False):
            for day in days:
                verdict = Verdict(day.verdict) if day.verdict is not None else Verdict.NOT_YET
                self.counts[verdict] += day.points
                if verdict in {Verdict.LANDED, Verdict.COMBINED} and not wants_all:
                    continue
                for point, item in self._points_of(day):
                    reason = ""
                    if verdict is Verdict.MISSING:
                        reason = self._why_missing(dimension, point)
                    elif day.place in self._elsewhere:
                        reason = "the day beside its day may show it: Planhat may end days by the clock of another zone"
                    elif verdict is Verdict.COMBINED:
                        reason = f"its day shows it combined with others: {rule}"
                    yield Audited(item, verdict, reason)


def _can_only_be_all(rules: Collection[str], day: AuditedDay) -> bool:
    """Whether a day can only show what it shows if all of its points are processed, whatever the rule."""
    if len(day.values) == 1:
        return True
    return len(day.values) <= _FEW and arrivals(rules, day.before, (), day.values, day.shown).are_final


def _slots_beside(point: Point) -> list[Slot]:
    """The places of a point if it is for the day beside its own."""
    if point.date is None:
        return []
    days = day_of_point(point.date), other_days(point.date)
    return [*slots_beside(point.dimension_id, point.model_name, point.external_id, *days)]
