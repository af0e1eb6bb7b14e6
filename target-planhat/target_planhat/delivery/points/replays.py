"""Recognises points that an earlier run sent before it ended early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.points.earlier_run import settle_earlier_run
from target_planhat.delivery.points.existing_days import DayState
from target_planhat.delivery.points.point_rows import entry_of_point
from target_planhat.delivery.sent.entries import EntryState
from target_planhat.delivery.sent.replayed import outcome_of_replayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.points.point import Slot
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.points.inspection import Inspection
    from target_planhat.delivery.points.point_rows import PointRow
    from target_planhat.delivery.points.run_days import RunDays
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger

__all__ = ["without_replayed"]


def without_replayed(
    rows: Sequence[PointRow],
    states: dict[Slot, DayState],
    ledger: DeliveryLedger,
    inspection: Inspection,
    days: RunDays | None,
) -> tuple[list[PointRow], list[ItemOutcomes]]:
    """The points that no earlier run has sent, and the others with their outcomes.

    Args:
        rows: The points of a batch.
        states: What is known of their days. The days of points that an earlier run sent are added.
        ledger: Tells what an earlier run sent.
        inspection: Finds out about calls that were on their way when that run ended.
        days: Gets the days of points that an earlier run sent; None if nobody needs them.

    Raises:
        EndingError: The run has to end before it can be found out.
    """
    if not ledger.has_left:
        return [*rows], []
    settle_earlier_run(ledger, inspection)
    if days is not None:
        _add_states_of_earlier_run(rows, states, ledger, days)
    # A row of a rejects file was never delivered, also if it is equal to one that was.
    first_tries = [row for row in rows if row.item.attempt == 1]
    entries = [entry_of_point(row.item, row.point) for row in first_tries]
    taken = dict(zip(map(id, first_tries), ledger.take(entries), strict=True))
    fresh: list[PointRow] = []
    known: list[ItemOutcomes] = []
    for row in rows:
        left = taken.get(id(row))
        if left is None:
            fresh.append(row)
            continue
        if days is not None and left.state is EntryState.DELIVERED:
            states[row.slot].wanted.append(row.point.value)
            days.note_replayed(row.slot, left.entry.value, row.point.value, row.item)
        known.append(([row.item], [outcome_of_replayed(left.state)]))
    return fresh, known


def _add_states_of_earlier_run(
    rows: Sequence[PointRow], states: dict[Slot, DayState], ledger: DeliveryLedger, days: RunDays
) -> None:
    """Add the states of days that an earlier run wrote to, as if this run had done so."""
    new = {row.slot: row for row in rows if row.slot not in states}
    for slot, some in ledger.left_for(new).items():
        first = some[0].entry
        stored = [left.entry for left in some if left.state is not EntryState.IN_DOUBT]
        sent = [entry.value for entry in stored if entry.value is not None]
        is_known = first.is_known and len(stored) == len(some)
        states[slot] = DayState(first.before, is_known, [*first.earlier, *sent], sent_at=max(left.at for left in some))
        days.note_days([(new[slot], states[slot])])
        days.note_points(((slot, value, None, None) for value in states[slot].sent), states[slot].sent_at)
