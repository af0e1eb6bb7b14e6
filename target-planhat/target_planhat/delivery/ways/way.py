"""Describes the ways into Planhat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planhat_api.bulk import upsert as bulk
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.delivery import Delivery, DeliveryContext
    from target_planhat.rows.rules.row_rules import RowRules
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["DeliveryWay", "WayKind"]


@dataclass(frozen=True, eq=False)
class WayKind:
    """A way into Planhat, before any stream goes it.

    Attributes:
        rules: Makes the rules for the rows of a stream.
        delivery: Makes what delivers them; it logs where people read.
        modes: What may be done with its rows: upsert, or also update and insert.
        why_no_other_mode: Why its rows take none but these modes, for people.
        key_can_be_chosen: Whether the settings can name the field that its rows are matched on.
        one_row_per_key: Whether rows that share a key must not go out in one call.
        adds_each_time: Whether Planhat adds its rows each time they come: to repeat a call is not safe (B24, B82).
        needs_tenant_token: Whether its rows go to the analytics host.
        makes_custom_fields: Whether its rows are custom fields, which must be there before other rows fill them.
        most_bytes: Bytes of the rows of a batch.
    """

    rules: Callable[[Model, StreamSettings, Tenant], RowRules]
    delivery: Callable[[Model, StreamSettings, DeliveryContext, logging.Logger], Delivery]
    modes: tuple[str, ...] = ("upsert",)
    why_no_other_mode: str = "Planhat only ever adds such rows"
    key_can_be_chosen: bool = False
    one_row_per_key: bool = False
    adds_each_time: bool = False
    needs_tenant_token: bool = False
    makes_custom_fields: bool = False
    most_bytes: int = bulk.MOST_BYTES


@dataclass(frozen=True, eq=False)
class DeliveryWay:
    """A way into Planhat that the rows of a stream go.

    Attributes:
        kind: The way.
        model: The model that the rows go to.
        rules: The rules for the rows.
        delivery: What delivers them.
        most_rows: Rows of a batch.
        can_push: Whether the settings hold what the analytics host wants.
    """

    kind: WayKind
    model: Model
    rules: RowRules
    delivery: Delivery
    most_rows: int
    can_push: bool

    def check_access(self, stream: str) -> None:
        """Check that the settings hold what it takes to send the rows of a stream.

        Raises:
            SettingsError: They do not.
        """
        if self.kind.needs_tenant_token and not self.can_push:
            msg = f"tenant_token: stream {stream!r} needs it"
            raise SettingsError(msg)
