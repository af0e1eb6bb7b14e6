"""Sends bulk upserts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind
from planhat_api.bulk.call_groups import call_groups
from target_planhat.delivery.changes.gathering import Gathering
from target_planhat.delivery.missing_company import may_lack_company
from target_planhat.delivery.one_by_one import call_for_each
from target_planhat.delivery.resending import RepeatPolicy, deliver_rows
from target_planhat.delivery.splitting import SplittingSender
from target_planhat.delivery.ways.delivery import Delivery
from target_planhat.delivery.ways.way import WayKind
from target_planhat.plan.decision import Verdict
from target_planhat.plan.plan import PLANNED
from target_planhat.rows.rules.upserts import upsert_rules

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.delivery.call_limit import CallLimit
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.ways.delivery import DeliveryContext
    from target_planhat.plan.decision import Decision
    from target_planhat.rows.item import Item
    from target_planhat.settings import StreamSettings

__all__ = ["BULK_UPSERT"]

_OTHER_CASE = (
    "Planhat holds an address that differs from this one only in case, and it is not known whether Planhat takes both "
    "for one person (Q21). Send the address as it is in Planhat"
)
_NOT_DELETED = Outcome.skipped("deleted at the source; hard_delete is off")
_KINDS = {
    Verdict.UNCHANGED: OutcomeKind.UNCHANGED,
    Verdict.HELD_BACK: OutcomeKind.HELD_BACK,
    Verdict.DRIFTED: OutcomeKind.DRIFTED,
}
# A row with a key that is sent twice is stored once (B24).
_REPEATS = RepeatPolicy(1, lambda row: bool(row.keys))


class _Upserts(Delivery):
    """Sends many rows in one call. Planhat matches them on their keys."""

    def __init__(
        self, model: Model, settings: StreamSettings, context: DeliveryContext, logger: logging.Logger
    ) -> None:
        """Prepare to send."""
        del settings
        self._model = model
        self._context = context
        self._tenant = context.tenant
        self._logger = logger
        self._gathering = Gathering(model, context.changes)

    def rows_to_send(self, items: list[Item]) -> tuple[list[Item], list[tuple[Item, Outcome]]]:
        """Skip deletes if hard_delete is off. Check the email addresses of the other rows."""
        kept = items
        left_out = [] if self._context.settings.hard_delete else [item for item in items if item.delete]
        if left_out:
            kept = [item for item in items if not item.delete]
        addresses = [item.match[1] for item in kept if item.match and item.match[0] == "email"]
        if addresses:
            self._tenant.addresses.add(addresses)
        return kept, [(item, _NOT_DELETED) for item in left_out]

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[ItemOutcomes]:
        """Send a bulk upsert for each group of rows of different records. The client splits it if necessary."""
        deletes = {index for index, item in enumerate(items) if item.delete}
        if distinct and not deletes:
            yield from self._deliver_group(items)
            return
        for group in call_groups(items, first=deletes):
            yield from self._deliver_group([items[index] for index in group])

    @property
    def gathers(self) -> bool:
        """Whether rows are compared with what Planhat holds, and are not for a plan."""
        return self._context.changes.looks and self._context.plan is None

    def gather(
        self, waiting: Sequence[Item], items: Sequence[Item], limit: CallLimit, keep: Callable[[Sequence[Item]], None]
    ) -> Iterator[ItemOutcomes]:
        """Keep the rows that differ until they fill a call. Without a whole look, all rows are sent."""
        settled = self._gathering.settle(waiting, items)
        if settled is None:
            yield from self.deliver([*waiting, *items], distinct=True)
            return
        changes = self._context.changes
        not_sent = [decision for decision in settled.decisions if not decision.verdict.is_sent]
        changes.note_settled(not_sent)
        yield [decision.item for decision in not_sent], [_outcome(decision) for decision in not_sent]
        differing = [decision for decision in settled.decisions if decision.verdict.is_sent]
        rows = [*settled.waiting, *(decision.item for decision in differing)]
        sender = SplittingSender(self._send_changes, self.may_wait)
        if not settled.waiting and limit.is_nearly_reached(rows):
            changes.admit(self._model, settled.look, settled.decisions)
            yield from sender.follow(self._send_decided(differing))
            return
        calls, rest = limit.full_calls(rows)
        keep(rest)
        for call in calls:
            yield from sender.send(call)

    def _deliver_group(self, items: Sequence[Item]) -> Iterator[ItemOutcomes]:
        """Handle deletes and rows that are skipped because of their mode, then send all others in one upsert."""
        plain = {stream.mode for stream in {item.stream for item in items}} == {"upsert"}
        sent = items
        deletes = [item for item in items if item.delete]
        yield from call_for_each(deletes, self._context.deletes.delete, self._tenant.client.check_credentials)
        if self._context.changes.looks:
            sent = [item for item in items if not item.delete] if deletes else items
            yield from SplittingSender(self._send_changes, self.may_wait).send(sent)
            return
        if not plain or deletes:
            sent = []
            for item in items:
                if item.delete:
                    continue
                outcome = self._left_out_by_mode(item)
                if outcome is None:
                    sent.append(item)
                else:
                    yield [item], [outcome]
        yield from SplittingSender(self._upsert, self.may_wait).send(sent)

    def _left_out_by_mode(self, item: Item) -> Outcome | None:
        """The outcome of a row that is not sent because of the mode of its stream; None for a row that is sent."""
        mode = item.stream.mode
        if mode == "upsert":
            return None
        existing = self._tenant.existing(item.stream.model, item.stream.keyables)
        if item.match is not None and existing.has_in_other_case(item.match):
            return Outcome.rejected(_OTHER_CASE)
        exists = item.match is not None and item.match in existing
        if exists and mode == "insert":
            return Outcome.skipped("it is in Planhat already")
        if not exists and mode == "update":
            return Outcome.skipped("it is not in Planhat")
        return None

    def _send_changes(self, items: Sequence[Item]) -> Iterator[ItemOutcomes]:
        """Look at what Planhat holds, then send what differs."""
        if not items:
            return
        changes = self._context.changes
        decisions = changes.decide(self._model, items)
        not_sent = [decision for decision in decisions if not decision.verdict.is_sent]
        if self._context.plan is not None:
            changes.plan(self._model, decisions)
            yield [decision.item for decision in decisions], [_planned(decision) for decision in decisions]
            return
        yield [decision.item for decision in not_sent], [_outcome(decision) for decision in not_sent]
        yield from self._send_decided([decision for decision in decisions if decision.verdict.is_sent])

    def _send_decided(self, decisions: Sequence[Decision]) -> Iterator[ItemOutcomes]:
        """Send rows about which it was decided just now."""
        if not decisions:
            return
        changes = self._context.changes
        by_row = {id(decision.row): decision for decision in decisions}
        rows = [decision.row for decision in decisions if decision.row is not None]
        send = partial(self._tenant.client.bulk_upsert, self._model, distinct=True)
        for sent_rows, outcomes in deliver_rows(rows, send, _REPEATS, self._logger):
            known = [by_row[id(row)] for row in sent_rows]
            # First the outcomes: if the index cannot take them in, they are still known.
            yield [decision.item for decision in known], outcomes
            changes.note_outcomes(self._model, known, outcomes)
            self._note_stored([decision.item for decision in known], outcomes)

    def _upsert(self, items: Sequence[Item]) -> Iterator[ItemOutcomes]:
        if not items:
            return
        send = partial(self._tenant.client.bulk_upsert, self._model, distinct=True)
        for sent_items, outcomes in deliver_rows(items, send, _REPEATS, self._logger):
            yield sent_items, outcomes
            self._note_stored(sent_items, outcomes)

    def _note_stored(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> None:
        if self._tenant.knows_rows_of(self._model):
            pairs = zip(items, outcomes, strict=True)
            self._tenant.note_stored(self._model, [item for item, outcome in pairs if not outcome.kind.is_reject])

    def may_wait(self, item: Item, outcome: Outcome) -> bool:
        """Whether a row may have been rejected because its company is missing, and can wait for it."""
        return may_lack_company(item.stream.model, item, outcome) and self._context.can_wait(item)


def _planned(decision: Decision) -> Outcome:
    return PLANNED if decision.verdict.is_sent else _outcome(decision)


def _outcome(decision: Decision) -> Outcome:
    """The outcome of a row that is not sent."""
    verdict = decision.verdict
    if verdict is Verdict.UNCHANGED and decision.held is not None:
        return Outcome(OutcomeKind.UNCHANGED, decision.held.planhat_id)
    if verdict is Verdict.REJECTED:
        return Outcome.rejected(decision.reason or "", may_pass_later=decision.may_pass_later)
    if verdict is Verdict.SKIPPED:
        return Outcome.skipped(decision.reason or "")
    planhat_id = decision.held.planhat_id if decision.held else None
    reason = decision.reason
    if decision.held_back:
        reason = f"{', '.join(decision.held_back)}: people in Planhat decide"
    return Outcome(_KINDS[verdict], planhat_id, reason)


BULK_UPSERT = WayKind(
    upsert_rules, _Upserts, modes=("upsert", "update", "insert"), key_can_be_chosen=True, one_row_per_key=True
)
"""Many rows in one call. Planhat matches them on their keys."""
