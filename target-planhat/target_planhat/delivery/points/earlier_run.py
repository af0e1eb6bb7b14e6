"""Finds out about the points that were on their way when an earlier run ended."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from target_planhat.delivery.points.inspection import Doubt
from target_planhat.delivery.points.point_rows import slots_beside
from target_planhat.delivery.sent.entries import EntryState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.points.point import Slot
    from target_planhat.delivery.points.inspection import Inspection
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
    from target_planhat.delivery.sent.entries import Entry
    from target_planhat.delivery.sent.ledger_file import Left

__all__ = ["settle_earlier_run"]


def settle_earlier_run(ledger: DeliveryLedger, inspection: Inspection) -> None:
    """Note in the ledger which points arrived of the calls that were on their way when an earlier run ended.

    Only the first call in a run reads anything.

    Raises:
        EndingError: The run has to end first.
    """
    groups: dict[Slot, list[Left]] = defaultdict(list)
    riders: dict[int, list[int]] = {}
    waiting: list[int] = []
    for left in ledger.take_doubts():
        if not left.entry.slot:
            continue
        if left.entry.value is None:
            waiting.append(left.place)
            continue
        groups[left.entry.slot].append(left)
        riders[left.place] = [*waiting, left.place]
        waiting = []
    if not groups:
        return
    found = inspection.find_out([_doubt(some) for some in groups.values()])
    states: dict[int, EntryState] = {}
    for some, arrived in zip(groups.values(), found, strict=True):
        for left, has_arrived in zip(some, arrived, strict=True):
            if has_arrived is not None:
                state = EntryState.DELIVERED if has_arrived else EntryState.NOT_STORED
                states.update(dict.fromkeys(riders[left.place], state))
    ledger.settle(states)


def _doubt(some: Sequence[Left]) -> Doubt:
    first = some[0].entry
    return Doubt(
        slot=first.slot,
        dimension=first.dimension,
        model=first.model,
        day=first.day,
        rule=first.rule or None,
        before=first.before,
        is_known=all(left.entry.is_known for left in some),
        certain=[*max((left.entry.earlier for left in some), key=len)],
        doubtful=[left.entry.value or 0.0 for left in some],
        at=max(left.at for left in some),
        is_alone=False,
        others=dict.fromkeys(slot for left in some for slot in _beside(left.entry)),
    )


def _beside(entry: Entry) -> tuple[Slot, ...]:
    return slots_beside(entry.dimension, entry.model, entry.external_id, entry.day, entry.others)
