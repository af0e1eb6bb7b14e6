"""Sends one batch after the other, parents before children. Adds the outcomes of the rows to the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from planhat_api import Outcome, OutcomeKind, PlanhatError
from target_planhat.delivery.changes.changes import Changes
from target_planhat.delivery.channels import Channels
from target_planhat.delivery.claimed.claims import Claims
from target_planhat.delivery.deletes import Deletes
from target_planhat.delivery.points.services import PointServices
from target_planhat.delivery.sender import Sender
from target_planhat.delivery.waiting import WaitingRows
from target_planhat.delivery.ways.delivery import DeliveryContext
from target_planhat.delivery.ways.selection import make_way
from target_planhat.errors import KNOWN_ERRORS, StopError, log_error
from target_planhat.rows.merging import merge_by_key

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from target_planhat.clock import Clock
    from target_planhat.delivery.batch import TakenRows
    from target_planhat.delivery.channels import Channel
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
    from target_planhat.delivery.ways.way import DeliveryWay
    from target_planhat.outcomes.ledger import Ledger
    from target_planhat.plan.plan import Plan
    from target_planhat.rows.item import Item
    from target_planhat.rows.routing import Route
    from target_planhat.settings import StreamSettings, TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Dispatcher"]

_OVERTAKEN = "not sent again at the end, because a later row may be for the same record, and this one might undo it"


class Dispatcher:
    """The deliveries of one run.

    Attributes:
        channels: The channels of the run.
        waiting: Rows that wait for their company.
        changes: Looks at what Planhat holds before rows are sent.
        points: What deliveries of metric points share.
        claims: The rows that Planhat claims to have stored, and that are looked for after the run.
    """

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        settings: TargetSettings,
        tenant: Tenant,
        ledger: Ledger,
        plan: Plan | None,
        *,
        sent: DeliveryLedger,
        clock: Clock,
        logger: logging.Logger,
    ) -> None:
        """Prepare the deliveries.

        Args:
            settings: Settings of the run.
            tenant: What is known about the Planhat tenant that rows are written to.
            ledger: Gets the outcomes.
            plan: Gets the rows in place of Planhat; None if they are sent.
            sent: The delivery ledger.
            clock: The clock of the run.
            logger: Logger of the target.
        """
        self.waiting = WaitingRows(settings.hold_rows)
        self._ledger = ledger
        self._logger = logger
        self.changes = Changes(settings, tenant, plan, logger)
        self.points = PointServices(settings, tenant, sent, clock, logger)
        self.claims = Claims(settings, tenant, clock, logger)
        self._sender = Sender()
        self.channels = Channels()
        self._context = DeliveryContext(
            settings=settings,
            tenant=tenant,
            deletes=Deletes(tenant, settings.max_deletes, plan),
            can_wait=self.waiting.has_room_for,
            changes=self.changes,
            plan=plan,
            ledger=sent,
            points=self.points,
            clock=clock,
        )

    def way_of(self, route: Route, settings: StreamSettings, logger: logging.Logger) -> DeliveryWay:
        """The way in which the rows of a stream are sent.

        Args:
            route: Where the stream goes.
            settings: Settings of the stream.
            logger: Logger of the stream.
        """
        return make_way(route, settings, self._context, logger)

    def send_custom_fields(self) -> None:
        """Send the custom fields of this run. They must exist in Planhat before their names are looked up."""
        for channel in self.channels.parents_first():
            if channel.way.kind.makes_custom_fields and len(channel.batch):
                channel.drain()
                self._sender.wait()

    def dispatch(self, channel: Channel) -> None:
        """Send the batch of a channel, after the batches of the models that it refers to.

        Its outcomes are added to the ledger when the next batch is sent, or in `wait`.
        """
        for parent in self.channels.parents_of(channel.model):
            parent.drain()
        for sink in channel.sinks.values():
            sink.count_for_sdk()
        related = self.channels.changing_with(channel.model)
        for other in related:
            if other.batch.has_gathered:
                other.drain()
        gathers = channel.way.delivery.gathers and not related
        if channel.way.delivery.gathers:
            # Its rows come back to the batch if they are kept.
            self._sender.wait()
        everything = not channel.batch.needs_room
        taken = channel.batch.take_rows(everything=everything)
        if not (taken.gathered or taken.items):
            self._ledger.note_batch()
        elif gathers and taken.distinct and not everything:
            self._gather(channel, taken)
        else:
            self._send(channel, taken.items, gathered=taken.gathered, distinct=taken.distinct)

    def send_all(self) -> None:
        """Send all pending rows and add their outcomes. The rows that wait for their company are sent last."""
        for channel in self.channels.parents_first():
            channel.drain()
        self._sender.wait()
        for channel, rows in self.waiting.release_all():
            self._send_waiting(channel, rows)
        self._sender.wait()

    def send_batches(self, *, repeatable_only: bool) -> None:
        """Send the rows in batches, parents first. The rows that wait for their company are not sent.

        Args:
            repeatable_only: Whether to leave out rows that Planhat adds each time they are sent.
        """
        channels = self.channels.parents_first()
        if repeatable_only:
            for channel in channels:
                channel.keep_repeatable()
        if any(len(channel.batch) for channel in channels):
            self._logger.info("The run ends early. Sending the rows that were read before")
        for channel in channels:
            channel.drain()
        self._sender.wait()

    def wait(self) -> None:
        """Wait for the batch that is being sent, and add its outcomes."""
        self._sender.wait()

    def wait_safely(self) -> bool:
        """Wait for the batch that is being sent, after an error. A second error is only logged.

        Returns:
            Whether there was no second error.
        """
        try:
            self._sender.wait()
        except KNOWN_ERRORS as err:
            log_error(err, self._logger)
            return False
        return True

    def close(self) -> None:
        """Stop the sending thread."""
        self._sender.close()

    def _send(
        self, channel: Channel, items: list[Item], *, gathered: Sequence[Item] = (), distinct: bool = False
    ) -> None:
        """Send rows after the rows before them have their outcomes.

        Args:
            channel: Their channel.
            items: The rows.
            gathered: Earlier rows, which are sent before these.
            distinct: Whether certainly no two of them share a key.
        """
        sent, known = channel.way.delivery.rows_to_send(items)
        for item, outcome in known:
            # Rows with the same key that wait for their company continue to wait: no later row was sent before them.
            self._ledger.add(item, outcome)
        self._sender.wait()
        sent = [*gathered, *sent]
        if channel.merges_by_key and self.waiting:
            sent, distinct = self._with_waiting(sent), False
        self._submit(channel, lambda: channel.way.delivery.deliver(sent, distinct=distinct))

    def _gather(self, channel: Channel, taken: TakenRows) -> None:
        """Send rows only as far as they fill calls; the others come back to the batch. Some need no call.

        Args:
            channel: Their channel, of which no row is being sent.
            taken: The rows, of which no two share a key.
        """
        delivery, batch = channel.way.delivery, channel.batch
        items, known = delivery.rows_to_send(taken.items)
        for item, outcome in known:
            self._ledger.add(item, outcome)
        if not items:
            batch.give_back(taken.gathered)
            self._ledger.note_batch()
            return
        released = self._release(items) if channel.merges_by_key and self.waiting else []
        if released or any(item.delete for item in items):
            rows = merge_by_key([*released, *taken.gathered, *items])
            self._submit(channel, lambda: delivery.deliver(rows, distinct=False))
            return
        kept: list[Item] = []
        batch.lend(len(taken.gathered) + len(items))
        self._submit(
            channel,
            lambda: delivery.gather(taken.gathered, items, batch.limit, kept.extend),
            lambda: batch.give_back(kept),
        )

    def _submit(
        self,
        channel: Channel,
        start: Callable[[], Iterator[ItemOutcomes]],
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        """Let the sending thread deliver rows.

        Args:
            channel: Their channel.
            start: Starts the delivery.
            finish: Called on this thread after the delivery, before its outcomes are added.
        """

        def handle(result: tuple[list[ItemOutcomes], PlanhatError | StopError | None]) -> None:
            finish()
            self._add_outcomes(channel, *result)

        self._sender.submit(lambda: _delivered(start), handle)

    def _with_waiting(self, items: list[Item]) -> list[Item]:
        """These rows and the waiting rows of the same records. Sent later, the waiting rows would undo these rows."""
        return merge_by_key([*self._release(items), *items])

    def _release(self, items: Sequence[Item]) -> list[Item]:
        """The waiting rows of the same records as these rows. They no longer wait."""
        return self.waiting.release_same_records([item for item in items if not item.delete])

    def _send_waiting(self, channel: Channel, rows: Sequence[tuple[Item, Outcome]]) -> None:
        """Send waiting rows once more, if the run has rows of parent models, or if a row was merged from several."""
        again: list[Item] = []
        for item, outcome in rows:
            if not (item.parts or self.channels.have_parents_of(channel.model)):
                self._ledger.add(item, outcome)
            elif item.overtaken:
                self._ledger.add(item, replace(outcome, reason=f"{outcome.reason}; {_OVERTAKEN}"))
            else:
                again.append(item)
        again = merge_by_key(again) if channel.merges_by_key else again
        for start in range(0, len(again), channel.way.most_rows):
            self._send(channel, again[start : start + channel.way.most_rows])

    def _add_outcomes(
        self, channel: Channel, item_outcomes: Sequence[ItemOutcomes], error: PlanhatError | StopError | None
    ) -> None:
        for items, outcomes in item_outcomes:
            if self.waiting or not self._ledger.add_by_count(items, outcomes):
                for item, outcome in zip(items, outcomes, strict=True):
                    self._add_outcome(channel, item, outcome)
        if error is not None:
            raise error
        self.claims.note(channel.model, item_outcomes)
        self._ledger.note_batch()

    def _add_outcome(self, channel: Channel, item: Item, outcome: Outcome) -> None:
        """Add the outcome of a row to the ledger, unless the row waits."""
        if channel.way.delivery.may_wait(item, outcome) and self.waiting.hold(channel, item, outcome):
            return
        self._ledger.add(item, outcome)
        if not (channel.merges_by_key and self.waiting) or outcome.kind.is_reject:
            return
        if item.delete:
            for earlier in self.waiting.release_same_records([item]):
                self._ledger.add(earlier, Outcome(OutcomeKind.MERGED, outcome.planhat_id))
        if outcome.kind is not OutcomeKind.SKIPPED:
            self.waiting.note_stored(item)


def _delivered(
    start: Callable[[], Iterator[ItemOutcomes]],
) -> tuple[list[ItemOutcomes], PlanhatError | StopError | None]:
    """Send rows. Return the known outcomes, and the error because of which the other rows come with the next run."""
    known: list[ItemOutcomes] = []
    try:
        for some in start():
            known.append(some)  # noqa: PERF402 # outcomes before an error are kept
    except (PlanhatError, StopError) as err:
        return known, err
    return known, None
