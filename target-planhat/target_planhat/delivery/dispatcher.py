"""Sends batches one after the other, parents before children, and enters what becomes of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from planhat_api import Fate, Outcome, PlanhatError
from target_planhat.delivery.channels import Channels
from target_planhat.delivery.deletes import Deletes
from target_planhat.delivery.sender import Sender
from target_planhat.delivery.waiting import WaitingRows
from target_planhat.delivery.ways.delivery import DeliveryContext
from target_planhat.delivery.ways.table import make_way
from target_planhat.errors import KNOWN_ERRORS, tell
from target_planhat.rows.merging import collapse

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from target_planhat.delivery.channels import Channel
    from target_planhat.delivery.settled import Settled
    from target_planhat.delivery.ways.delivery import Delivery
    from target_planhat.delivery.ways.way import DeliveryWay
    from target_planhat.outcomes.ledger import Ledger
    from target_planhat.rows.item import Item
    from target_planhat.rows.routing import Route
    from target_planhat.settings import StreamSettings, TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Dispatcher"]

_OVERTAKEN = "not tried again at the end, because a later row may mean the same record, and this one might undo it"


class Dispatcher:
    """The deliveries of one run.

    Attributes:
        channels: Where rows go together.
        waiting: Rows that wait for their company.
    """

    def __init__(self, settings: TargetSettings, tenant: Tenant, ledger: Ledger, logger: logging.Logger) -> None:
        """Send nothing yet.

        Args:
            settings: Settings of the run.
            tenant: What is known of the Planhat that is written to.
            ledger: Where outcomes are entered.
            logger: Where people read.
        """
        self.waiting = WaitingRows(settings.hold_rows)
        self._ledger = ledger
        self._logger = logger
        self._sender = Sender()
        self.channels = Channels()
        self._context = DeliveryContext(
            settings=settings,
            tenant=tenant,
            deletes=Deletes(tenant, settings.max_deletes),
            can_wait=self.waiting.has_room_for,
        )

    def way_of(self, route: Route, settings: StreamSettings, logger: logging.Logger) -> DeliveryWay:
        """The way that the rows of a stream go.

        Args:
            route: Where the stream goes.
            settings: Settings of the stream.
            logger: Where people read of it.
        """
        return make_way(route, settings, self._context, logger)

    def send_custom_fields(self) -> None:
        """Send custom fields that came with the run: they must be there before their names are looked up."""
        for channel in self.channels.parents_first():
            if channel.way.kind.makes_custom_fields and len(channel.batch):
                channel.drain()
                self._sender.settle()

    def dispatch(self, channel: Channel) -> None:
        """Hand the batch of a channel on, after those of the models it refers to.

        Its outcomes are entered when the next one is handed on, or when the run settles.
        """
        for parent in self.channels.parents_of(channel.model):
            parent.drain()
        for feeder in channel.feeders.values():
            feeder.count_for_sdk()
        items, distinct = channel.batch.take(everything=not channel.batch.is_under_pressure)
        if items:
            self._send(channel, items, distinct=distinct)
        else:
            self._ledger.note_batch()

    def send_all(self) -> None:
        """Send all that is pending, the rows that wait for their company last; enter what becomes of them."""
        for channel in self.channels.parents_first():
            channel.drain()
        self._sender.settle()
        for channel, rows in self.waiting.release():
            self._send_waiting(channel, rows)
        self._sender.settle()

    def send_batches_in_hand(self, *, repeatable_only: bool) -> None:
        """Send the rows in batches, parents first; those that wait for their company go on waiting.

        Args:
            repeatable_only: Whether rows that Planhat adds each time they come are left out.
        """
        channels = self.channels.parents_first()
        if repeatable_only:
            for channel in channels:
                channel.keep_repeatable()
        if any(len(channel.batch) for channel in channels):
            self._logger.info("The run ends early; what was read before goes out first")
        for channel in channels:
            channel.drain()
        self._sender.settle()

    def settle(self) -> None:
        """Wait for what is on the wire, and enter it."""
        self._sender.settle()

    def settle_safely(self) -> bool:
        """Enter what is on the wire when the run ends by an error: that one is why it ended, and not what fails now.

        Returns:
            Whether nothing failed.
        """
        try:
            self._sender.settle()
        except KNOWN_ERRORS as err:
            tell(err, self._logger)
            return False
        return True

    def close(self) -> None:
        """Stop the thread that sends."""
        self._sender.close()

    def _send(self, channel: Channel, items: list[Item], *, distinct: bool = False) -> None:
        """Put rows on the wire, once those before are through.

        Args:
            channel: Their channel.
            items: The rows.
            distinct: It is sure that no two of them share a key.
        """
        sent, known = channel.way.delivery.rows_to_send(items)
        for item, outcome in known:
            # Rows with the same key that wait for their company go on waiting: nothing overtakes them.
            self._ledger.enter(item, outcome)
        self._sender.settle()
        if channel.collapses and self.waiting:
            sent, distinct = self._with_waiting(sent), False
        self._sender.submit(
            lambda: _deliver(channel.way.delivery, sent, distinct=distinct),
            lambda result: self._enter_batch(channel, *result),
        )

    def _with_waiting(self, items: list[Item]) -> list[Item]:
        """Rows, with those of the same records that wait: held back any longer, they would undo what is sent now."""
        upserts = [item for item in items if not item.delete]
        return collapse([*self.waiting.take(upserts), *items])

    def _send_waiting(self, channel: Channel, rows: Sequence[tuple[Item, Outcome]]) -> None:
        """Try rows once more that waited for their company, if the run brought any, or that are several records."""
        again: list[Item] = []
        for item, outcome in rows:
            if not (item.parts or self.channels.have_parents_of(channel.model)):
                self._ledger.enter(item, outcome)
            elif item.overtaken:
                self._ledger.enter(item, replace(outcome, reason=f"{outcome.reason}; {_OVERTAKEN}"))
            else:
                again.append(item)
        again = collapse(again) if channel.collapses else again
        for start in range(0, len(again), channel.way.most_rows):
            self._send(channel, again[start : start + channel.way.most_rows])

    def _enter_batch(self, channel: Channel, settled: Sequence[Settled], error: PlanhatError | None) -> None:
        for items, outcomes in settled:
            if self.waiting or not self._ledger.enter_by_count(items, outcomes):
                for item, outcome in zip(items, outcomes, strict=True):
                    self._enter(channel, item, outcome)
        if error is not None:
            raise error
        self._ledger.note_batch()

    def _enter(self, channel: Channel, item: Item, outcome: Outcome) -> None:
        """Enter the outcome of a row, unless it is held back."""
        if channel.way.delivery.may_wait(item, outcome) and self.waiting.hold(channel, item, outcome):
            return
        self._ledger.enter(item, outcome)
        if not (channel.collapses and self.waiting) or outcome.fate.is_reject:
            return
        if item.delete:
            for earlier in self.waiting.take([item]):
                self._ledger.enter(earlier, Outcome(Fate.MERGED, outcome.planhat_id))
        if outcome.fate is not Fate.SKIPPED:
            self.waiting.note_stored(item)


def _deliver(delivery: Delivery, items: Sequence[Item], *, distinct: bool) -> tuple[list[Settled], PlanhatError | None]:
    """What is known of the rows, and why the rest is not: it comes again with the next run."""
    settled: list[Settled] = []
    try:
        for some in delivery.deliver(items, distinct=distinct):
            settled.append(some)  # noqa: PERF402 # what came before an error is kept
    except PlanhatError as err:
        return settled, err
    return settled, None
