"""The ways into Planhat: bulk upserts, and which class goes which way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from planhat_api.bulk.apart import turns
from target_planhat.delivery.custom_fields_one_by_one import SingleSink
from target_planhat.delivery.mapped import MappedSink, leading
from target_planhat.delivery.one_by_one import one_after_the_other
from target_planhat.delivery.push_sinks import ActivitiesSink, DuplicateSink, MetricsSink, SegmentSink
from target_planhat.delivery.resending import Repeats
from target_planhat.delivery.splitting import PartsSender
from target_planhat.delivery.waiting import may_lack_company
from target_planhat.outcomes.outcome import Verdict, Verdicts
from target_planhat.rows.fast_rows import QuickCheck
from target_planhat.rows.routing import Way
from target_planhat.rows.stream_settings import DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_planhat.delivery.sink import PlanhatSink, Settled
    from target_planhat.rows.row import Item

__all__ = ["ModelSink", "sink_class"]

_OTHER_CASE = (
    "Planhat holds an address that differs from this one in case only, and whether it takes the two for one person is "
    "not known (Q21). Send the address as Planhat holds it"
)
# Matched on its key, a row sent twice is stored once (B24).
_REPEATS = Repeats(1, lambda row: bool(row.keys))


class ModelSink(MappedSink):
    """Bulk upserts; by mode only of rows that exist, or only of rows that do not."""

    collapses = True
    apart = True
    can_delete = True

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """A bulk upsert for each turn of rows that are different records; the client splits it when need be."""
        deletes = {index for index, item in enumerate(items) if item.delete}
        if distinct and not deletes:
            yield from self._deliver_turn(items)
            return
        for turn in turns(items, first=deletes):
            yield from self._deliver_turn([items[index] for index in turn])

    def _deliver_turn(self, items: Sequence[Item]) -> Iterator[Settled]:
        """Deletes and rows that are left out by their mode first, then all others in one upsert."""
        plain = {sink.settings.mode for sink in {item.sink for item in items}} == {"upsert"}
        sent = items
        deletes = [item for item in items if item.delete]
        yield from one_after_the_other(deletes, lambda item: item.sink.delete(item), self.run.client.check_credentials)
        if not plain or deletes:
            sent = []
            for item in items:
                if item.delete:
                    continue
                verdict = item.sink.not_sent(item)
                if verdict is None:
                    sent.append(item)
                else:
                    yield [item], [verdict]
        yield from PartsSender(self._upsert, self._may_wait).send(sent)

    def quick_check(self) -> QuickCheck | None:
        """Fields without which Planhat swallows a row."""
        needed = self.builder.swallowed_without
        return QuickCheck(needed, lambda *columns: min(map(leading, columns))) if needed else None

    def send(self, items: list[Item], *, distinct: bool = False) -> None:
        """Put rows on the wire; deletes only if they are on."""
        if not self.run.settings.hard_delete:
            for item in items:
                if item.delete:
                    # Rows with this key that wait for their company go on waiting: nothing overtakes them.
                    self.run.enter(item, Verdict(Verdicts.SKIPPED, reason="deleted at the source; hard_delete is off"))
            items = [item for item in items if not item.delete]
        if any(
            "email" in sink.builder.rule.keyables for sink in self.batch.sinks.values() if isinstance(sink, ModelSink)
        ):
            self.run.addresses.look(item.match[1] for item in items if item.match and item.match[0] == "email")
        super().send(items, distinct=distinct)

    def enter(self, item: Item, verdict: Verdict) -> None:
        """Enter the outcome of a row, unless it is held back for its company."""
        if self._may_wait(item, verdict) and self.run.held.hold(item, verdict):
            return
        super().enter(item, verdict)
        if not self.run.held or verdict.kind.is_reject:
            return
        if item.delete:
            for earlier in self.run.held.take([item]):
                self.run.enter(earlier, Verdict(Verdicts.MERGED, verdict.planhat_id))
        if verdict.kind is not Verdicts.SKIPPED:
            self.run.held.note_stored(item)

    def _may_wait(self, item: Item, verdict: Verdict) -> bool:
        """Whether a row was refused because its company is missing, and can wait for it."""
        refused = verdict.kind is Verdicts.REJECTED and may_lack_company(self.model, item, verdict.reason or "")
        return refused and self.run.held.has_room_for(item)

    def delete(self, item: Item) -> Verdict:
        """Delete what a row of this stream stands for."""
        return self.run.deletes.delete(self.model, item, self.run.existing_of(self.model))

    def not_sent(self, item: Item) -> Verdict | None:
        """The verdict of a row of this stream that is left out by its mode."""
        if self.settings.mode == "upsert":
            return None
        existing = self.run.existing(self.model, self.builder.rule.keyables)
        if item.match is not None and existing.has_in_other_case(item.match):
            return Verdict(Verdicts.REJECTED, reason=_OTHER_CASE)
        exists = item.match is not None and item.match in existing
        if exists and self.settings.mode == "insert":
            return Verdict(Verdicts.SKIPPED, reason="it is in Planhat already")
        if not exists and self.settings.mode == "update":
            return Verdict(Verdicts.SKIPPED, reason="it is not in Planhat")
        return None

    def _upsert(self, items: Sequence[Item]) -> Iterator[Settled]:
        if not items:
            return
        send = partial(self.run.client.bulk_upsert, self.model, distinct=True)
        for settled, verdicts in self.send_rows(items, send, _REPEATS):
            yield settled, verdicts
            self.run.note_stored(self.model, settled, verdicts)


def sink_class(way: Way, mode: str) -> type[PlanhatSink]:
    """The class that goes this way."""
    return DuplicateSink if mode == DUPLICATE else _BY_WAY[way]


_BY_WAY: dict[Way, type[PlanhatSink]] = {
    Way.BULK: ModelSink,
    Way.SINGLE: SingleSink,
    Way.METRICS: MetricsSink,
    Way.ACTIVITIES: ActivitiesSink,
    Way.SEGMENT: SegmentSink,
}
