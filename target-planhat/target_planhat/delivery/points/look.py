"""Finds out what the days of points hold before they are sent."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from planhat_api import AccessError, UnavailableError
from target_planhat.delivery.points.existing_days import DayState

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterable, Sequence

    from planhat_api.points.point import Slot
    from target_planhat.clock import Clock
    from target_planhat.delivery.points.point_rows import PointRow
    from target_planhat.delivery.points.run_days import RunDays
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
    from target_planhat.tenant.metric_days import MetricDays

__all__ = ["DayLook"]

_ENDING = "the run has to end before it is known what the days of metric points hold"


class DayLook:
    """Looks at days, each once in a run, and waits if an earlier run wrote to them a moment ago."""

    def __init__(
        self, days: RunDays, metric_days: MetricDays, ledger: DeliveryLedger, clock: Clock, logger: logging.Logger
    ) -> None:
        """Prepare to look.

        Args:
            days: Keeps the days of the run.
            metric_days: Reads days.
            ledger: Tells which days an earlier run wrote to a moment ago.
            clock: The clock of the run.
            logger: Logger of the target.
        """
        self._days = days
        self._metric_days = metric_days
        self._ledger = ledger
        self._clock = clock
        self._logger = logger

    def add_states(self, rows: Sequence[PointRow], states: dict[Slot, DayState]) -> None:
        """Add the states of the days of points that are not known yet.

        Raises:
            UnavailableError: The run has to end first.
        """
        fresh = {row.slot: row for row in rows if row.slot not in states}
        if not fresh:
            return
        unsettled = self._wait_until_settled([row for row in rows if row.slot in fresh])
        self._read(fresh.values())
        for (slot, row), before in zip(fresh.items(), self._metric_days.values.of([*fresh]), strict=True):
            states[slot] = DayState(before, is_known=(row.point.dimension_id, row.day) not in unsettled)
        self._days.note_days((row, states[slot]) for slot, row in fresh.items())

    def _wait_until_settled(self, rows: Collection[PointRow]) -> set[tuple[str, int]]:
        """Wait until what earlier runs of this pipeline sent for these days can be read.

        Returns:
            The metrics and days for which it did not wait, because their points are sent in any case.
        """
        now = self._clock.now()
        ends: dict[tuple[str, int], float] = {}
        seconds = 0.0
        for row in rows:
            day = row.point.dimension_id, row.day
            if day not in ends:
                ends[day] = self._ledger.settled_at(*day)
            if ends[day] > now and row.policy.existing != "add":
                seconds = max(seconds, ends[day] - now)
        if seconds:
            self._logger.info(
                "Waiting %.0f s, because an earlier run wrote to the same days a moment ago, and Planhat needs time to "
                "process points. With verify_landing: all, a run waits only as long as necessary",
                seconds,
            )
            if not self._clock.wait(seconds):
                raise UnavailableError(_ENDING)
        now = self._clock.now()
        return {day for day, end in ends.items() if end > now}

    def _read(self, rows: Iterable[PointRow]) -> None:
        of_metric: dict[str, tuple[set[int], set[str]]] = defaultdict(lambda: (set(), set()))
        for row in rows:
            days, records = of_metric[row.point.dimension_id]
            days.add(row.day)
            records.add(row.point.external_id)
        try:
            for dimension, (days, records) in of_metric.items():
                self._metric_days.look(dimension, days, len(records))
        except AccessError as error:
            msg = f"{error}. With write: all, metric points are sent without a look at their days"
            raise AccessError(msg, status=error.status, detail=error.detail) from error
