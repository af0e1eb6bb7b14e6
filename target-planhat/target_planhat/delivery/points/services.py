"""What all deliveries of metric points in a run share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind
from target_planhat.delivery.points.audit import Audit
from target_planhat.delivery.points.inspection import Expected, Inspection
from target_planhat.delivery.points.look import DayLook
from target_planhat.delivery.points.run_days import RunDays

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Sequence

    from planhat_api.points.point import Slot
    from target_planhat.clock import Clock
    from target_planhat.delivery.points.existing_days import DayState, Decided
    from target_planhat.delivery.points.point_rows import PointRow
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
    from target_planhat.settings import TargetSettings
    from target_planhat.stream_settings import ExistingPoints
    from target_planhat.tenant.tenant import Tenant

__all__ = ["ADDED", "PointServices"]

ADDED = "added"
"""Points that were sent although their day held a value."""


class PointServices:
    """What the run knows of days, and how it looks at them. Nothing is read before the first point.

    Attributes:
        looks: Whether days are looked at before points are sent.
        inspection: Finds out whether points arrived whose call brought no answer.
        counts: Points by what was decided about them.
    """

    def __init__(
        self, settings: TargetSettings, tenant: Tenant, ledger: DeliveryLedger, clock: Clock, logger: logging.Logger
    ) -> None:
        """Prepare."""
        self.looks = settings.write != "all" or settings.verify_landing == "all"
        self._audits = settings.verify_landing == "all" and settings.write != "nothing"
        self._seconds = float(settings.landing_seconds)
        self._zone = settings.zone_of_metrics
        self._tenant = tenant
        self._ledger = ledger
        self._clock = clock
        self._logger = logger
        self._days: RunDays | None = None
        self._rules: dict[str, str | None] = {}
        self.inspection = Inspection(tenant.metric_days, clock, self._seconds, logger)
        self.counts: Counter[str] = Counter()

    @property
    def days(self) -> RunDays | None:
        """The days that the run writes to; None if they are not looked at."""
        if self._days is None and self.looks:
            self._days = RunDays(keeps_items=self._audits)
        return self._days

    def look(self) -> DayLook | None:
        """Looks at days before points are sent; None if they are not looked at."""
        days = self.days
        if days is None:
            return None
        return DayLook(days, self._tenant.metric_days, self._ledger, self._clock, self._logger)

    def expected(self, slots: Iterable[Slot]) -> dict[Slot, Expected | None]:
        """What days must show if only the points are for them that the run knows of; None if this is not known."""
        wanted = list(dict.fromkeys(slots))
        days = self.days
        if days is None or not wanted:
            return dict.fromkeys(wanted)
        held = dict(zip(wanted, self._tenant.metric_days.values.of(wanted), strict=True))
        found: dict[Slot, Expected | None] = {slot: Expected(before, []) for slot, before in held.items()}
        found.update((slot, Expected(state.before, state.sent)) for slot, state in days.states(wanted).items())
        return found

    def count(self, policy: ExistingPoints, state: DayState, decided: Decided, points: int) -> None:
        """Count points by what was decided about them."""
        if isinstance(decided, Outcome):
            self.counts[decided.kind.word] += points
        elif policy == "add" and state.is_known and state.before is not None:
            self.counts[ADDED] += points

    def note_sent(self, rows: Sequence[tuple[PointRow, Outcome]], at: float) -> None:
        """Note points that were sent, each with its outcome."""
        days = self.days
        if days is None:
            return
        accepted = [row for row, outcome in rows if outcome.kind is OutcomeKind.ACCEPTED]
        self._rules.update({row.point.dimension_id: row.rule for row in accepted})
        # The values of the input are noted already for points that are sent in place of others.
        days.note_points(
            ((row.slot, row.point.value, None if row.item.parts else row.point.value, row.item) for row in accepted), at
        )
        unclear = {row.slot for row, outcome in rows if outcome.kind.is_uncertain}
        if unclear:
            days.note_unclear(unclear)

    def audit(self) -> Audit | None:
        """The audit of the points that were sent; None if there is none."""
        if self._days is None or not self._audits:
            return None
        return Audit(
            self._days,
            self._tenant.metric_days,
            self._tenant,
            self._clock,
            settle_seconds=self._seconds,
            rules=self._rules,
            expected=self.expected if self._zone is None else None,
            note_landed=self._ledger.note_landed,
            logger=self._logger,
        )

    def log(self, logger: logging.Logger) -> None:
        """Log how many points met days that held a value."""
        added, same, other = (
            self.counts[word] for word in (ADDED, OutcomeKind.UNCHANGED.word, OutcomeKind.HELD_BACK.word)
        )
        if added:
            logger.warning(
                "%s metric points were added to days that held a value already. If they are the values of whole days, "
                "set existing_points to keep or replace",
                added,
            )
        if other:
            logger.warning(
                "%s metric points were not sent, because their days hold another value already (%s hold the same). Set "
                "existing_points to replace, and combine, if days are to hold the new values; to add if points add up",
                other,
                same,
            )
        elif same:
            logger.info("%s metric points were not sent, because their days hold these values already", same)

    def close(self) -> None:
        """Delete the temporary file."""
        if self._days is not None:
            self._days.close()
