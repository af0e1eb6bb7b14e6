"""The interface of all deliveries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import Outcome
    from target_planhat.clock import Clock
    from target_planhat.delivery.call_limit import CallLimit
    from target_planhat.delivery.changes.changes import Changes
    from target_planhat.delivery.deletes import Deletes
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.points.services import PointServices
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
    from target_planhat.plan.plan import Plan
    from target_planhat.rows.item import Item
    from target_planhat.settings import TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Delivery", "DeliveryContext"]


@dataclass(frozen=True)
class DeliveryContext:
    """What all deliveries of a run use.

    Attributes:
        settings: Settings of the run.
        tenant: What is known about the Planhat tenant that rows are written to.
        deletes: The deletes of the run.
        can_wait: Whether a row can wait for its company.
        changes: Looks at what Planhat holds before rows are sent.
        plan: Gets the rows in place of Planhat; None if they are sent.
        ledger: Notes rows that Planhat adds each time they are sent.
        points: What deliveries of metric points share.
        clock: The clock of the run.
    """

    settings: TargetSettings
    tenant: Tenant
    deletes: Deletes
    can_wait: Callable[[Item], bool]
    changes: Changes
    plan: Plan | None
    ledger: DeliveryLedger
    points: PointServices
    clock: Clock


class Delivery(ABC):
    """Delivers the rows of one model."""

    def rows_to_send(self, items: list[Item]) -> tuple[list[Item], list[tuple[Item, Outcome]]]:
        """Split rows into those to send, and those whose outcome is known without sending them."""
        return items, []

    @abstractmethod
    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[ItemOutcomes]:
        """Send rows of any stream of the batch. This runs on the sender's thread.

        Args:
            items: The rows.
            distinct: Whether certainly no two of them share a key.

        Yields:
            Rows whose outcome is known. Without an error, these are all rows, in any order.

        Raises:
            PlanhatError: The other rows were not sent because of this error.
        """

    @property
    def gathers(self) -> bool:
        """Whether `gather` may be used in place of `deliver` for rows that need not go yet."""
        return False

    def gather(
        self, waiting: Sequence[Item], items: Sequence[Item], limit: CallLimit, keep: Callable[[Sequence[Item]], None]
    ) -> Iterator[ItemOutcomes]:
        """Find out which rows need no call, and send the others if they fill one. This runs on the sender's thread.

        No two of the rows share a key.

        Args:
            waiting: Rows that an earlier call of this method kept.
            items: Later rows.
            limit: When a call is full.
            keep: Called at most once, with the rows that wait until a call is full, in their order.

        Yields:
            As for `deliver`, without the rows that are kept.

        Raises:
            PlanhatError: As for `deliver`.
        """
        del limit, keep
        yield from self.deliver([*waiting, *items], distinct=True)

    def may_wait(self, item: Item, outcome: Outcome) -> bool:
        """Whether a rejected row can be stored after all earlier rows are in Planhat."""
        del item, outcome
        return False
