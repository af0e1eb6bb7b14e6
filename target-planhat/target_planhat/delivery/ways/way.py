"""What a way into Planhat says, and what it is where a way says nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planhat_api import analytics
from planhat_api.bulk import upsert as bulk
from target_planhat.delivery.resending import Repeats, deliver
from target_planhat.errors import SettingsError
from target_planhat.outcomes.outcome import RecordOutcome, plain_outcomes
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.keys import KeyRule, key_rule

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import BulkResult, Outcome, PlanhatError, PushResult, Row
    from planhat_api.models.registry import Model
    from target_planhat.delivery.deletes import Deletes
    from target_planhat.delivery.resending import Send
    from target_planhat.outcomes.outcome import Settled
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.rows.fast.quick_check import QuickCheck
    from target_planhat.rows.item import Item
    from target_planhat.rows.mapping import ColumnPlan
    from target_planhat.settings import StreamSettings, TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["AddingWay", "DeliveryWay", "WayContext", "named_by"]

_RESENDS = 3
"""How often rows that Planhat adds are sent again, if the settings want that."""


@dataclass(frozen=True)
class WayContext:
    """What all ways of a run share.

    Attributes:
        settings: Settings of the run.
        tenant: What is known of the Planhat that is written to.
        deletes: The deletes of the run.
        can_wait: Whether a row can be held back for its company.
        wants_ids: Whether somebody wants to know the `_id` of each row.
    """

    settings: TargetSettings
    tenant: Tenant
    deletes: Deletes
    can_wait: Callable[[Item], bool]
    wants_ids: bool


class DeliveryWay(ABC):
    """A way into Planhat for the rows of one model. It is also the rules for those rows, see RowRules.

    Attributes:
        model: The model that the rows go to.
        modes: What may be done with its rows: upsert, or also update and insert.
        why_no_other_mode: Why its rows take none but these modes, for people.
        key_can_be_chosen: Whether the settings can name the field that its rows are matched on.
        collapses: Whether rows with the same key in one batch become one.
        apart: Whether rows that share a key must not go out in one call.
        can_delete: Whether rows that are marked as deleted at the source can be deleted in Planhat.
        adds_each_time: Whether Planhat adds its rows each time they come: to repeat a call is not safe (B24, B82).
        needs_tenant_token: Whether its rows go to the analytics host.
        makes_custom_fields: Whether its rows are custom fields, which must be there before other rows fill them.
        most_bytes: Bytes of the rows of a batch.
    """

    modes: tuple[str, ...] = ("upsert",)
    why_no_other_mode = "Planhat only ever adds such rows"
    key_can_be_chosen = False
    collapses = False
    apart = False
    can_delete = False
    adds_each_time = False
    needs_tenant_token = False
    makes_custom_fields = False
    most_bytes = bulk.MOST_BYTES

    def __init__(self, model: Model, settings: StreamSettings, context: WayContext, logger: logging.Logger) -> None:
        """Keep what it works with; nothing is sent or read.

        Args:
            model: The model that the rows go to.
            settings: Settings of the stream.
            context: What all ways of the run share.
            logger: Where people read.
        """
        self.model = model
        self._settings = settings
        self._context = context
        self._tenant = context.tenant
        self._logger = logger

    # What a batch asks

    @property
    def most_rows(self) -> int:
        """Rows of a batch."""
        return analytics.ROWS_PER_CALL if self.adds_each_time else self._context.settings.batch_size_rows

    def check_access(self, stream: str) -> None:
        """Check that the settings hold what it takes to send the rows of a stream.

        Raises:
            SettingsError: They do not.
        """
        if self.needs_tenant_token and not self._tenant.can_push:
            msg = f"tenant_token: stream {stream!r} needs it"
            raise SettingsError(msg)

    def rows_to_send(self, items: list[Item]) -> tuple[list[Item], list[tuple[Item, RecordOutcome]]]:
        """Split rows that are about to be sent: those to send, and those whose outcome is known without that."""
        return items, []

    @abstractmethod
    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """Send rows of any stream of the batch; runs on the sender's thread.

        Args:
            items: The rows.
            distinct: It is sure that no two of them share a key.

        Yields:
            Rows whose fate is known. Without an error that is each of them, in any order.
        """

    def may_wait(self, item: Item, outcome: RecordOutcome) -> bool:
        """Whether a row may fare better when all that was read before it is in Planhat."""
        del item, outcome
        return False

    # What the rows of a stream ask: see RowRules

    @property
    def written_model(self) -> Model:
        """The model with the fields that can be written this way."""
        return self.model

    @property
    def check(self) -> Callable[[dict[str, Any]], None] | None:
        """Looks at a finished row in place of the rules for keys; None keeps those."""
        return None

    def key_rule(self, stream: str, plan: ColumnPlan) -> KeyRule:
        """Which keys the rows carry."""
        return key_rule(stream, self.model, plan, self._settings)

    def check_plan(self, stream: str, plan: ColumnPlan) -> None:
        """Complain of a plan that cannot work this way."""
        del stream, plan

    def quick_check(self, builder: RowBuilder) -> QuickCheck | None:
        """What `check` looks at, for rows that are built from bytes.

        Raises:
            NoTypeError: Rows of this stream cannot be.
        """
        del builder
        if self.check is not None:
            message = "each row needs a check of its own"
            raise NoTypeError(message)
        return None

    def identity(self, row: Row, match: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """What identifies a row among the rows of a batch: its key."""
        del row
        return match

    def label(self, item: Item, builder: RowBuilder) -> str:
        """What identifies a row, for logs: its key."""
        del builder
        return item.label

    # For those who send

    def _send_rows(self, items: Sequence[Item], send: Send, repeats: Repeats) -> Iterator[Settled]:
        """Send rows in as many calls as it takes; what does not add up in the answers is logged.

        Yields:
            All of them; with an error those whose fate is known, before it is raised.
        """
        delivery = deliver(items, send, repeats)
        for note in delivery.notes:
            self._logger.warning("%s", note)
        if delivery.error is None:
            yield items, self._record_outcomes(delivery.outcomes)
            return
        settled = delivery.settled()
        outcomes = [delivery.outcomes[index] for index in settled]
        yield [items[index] for index in settled], self._record_outcomes(outcomes)
        raise delivery.error

    def _record_outcomes(self, outcomes: Sequence[Outcome]) -> list[RecordOutcome]:
        if self._context.wants_ids:
            return [RecordOutcome.of(outcome) for outcome in outcomes]
        return plain_outcomes(outcomes)


class AddingWay(DeliveryWay):
    """A way whose rows Planhat adds each time they come."""

    adds_each_time = True

    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """Send the rows; the settings decide whether those that may have arrived are sent again."""
        del distinct
        resend = self._context.settings.on_uncertain_delivery == "resend"
        yield from self._send_rows(items, self._push, Repeats(_RESENDS, lambda _: resend, self._notice_resend))

    @abstractmethod
    def _push(self, rows: Sequence[Row]) -> BulkResult | PushResult:
        """Send rows once."""

    def _notice_resend(self, number: int, err: PlanhatError) -> None:
        self._logger.warning("Sending %s rows again, some may count twice: %s", number, err)


def named_by(*keys: str) -> KeyRule:
    """The rule for rows that Planhat does not match on a key: these fields are what names them here."""
    return KeyRule(keys, frozenset(), None, needs_key=False)
