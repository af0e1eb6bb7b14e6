"""What the deliveries of all ways have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import Outcome
    from target_planhat.delivery.deletes import Deletes
    from target_planhat.delivery.settled import Settled
    from target_planhat.rows.item import Item
    from target_planhat.settings import TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Delivery", "DeliveryContext"]


@dataclass(frozen=True)
class DeliveryContext:
    """What all deliveries of a run share.

    Attributes:
        settings: Settings of the run.
        tenant: What is known of the Planhat that is written to.
        deletes: The deletes of the run.
        can_wait: Whether a row can be held back for its company.
    """

    settings: TargetSettings
    tenant: Tenant
    deletes: Deletes
    can_wait: Callable[[Item], bool]


class Delivery(ABC):
    """Delivers the rows of one model."""

    def rows_to_send(self, items: list[Item]) -> tuple[list[Item], list[tuple[Item, Outcome]]]:
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

        Raises:
            PlanhatError: The rest of the rows was not sent, and this is why.
        """

    def may_wait(self, item: Item, outcome: Outcome) -> bool:
        """Whether a row may fare better when all that was read before it is in Planhat."""
        del item, outcome
        return False
