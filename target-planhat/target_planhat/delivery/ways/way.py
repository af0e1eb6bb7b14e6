"""Describes a way in which rows are sent to Planhat."""

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
    """A way in which rows are sent to Planhat, independent of a stream.

    Attributes:
        rules: Creates the rules for the rows of a stream.
        delivery: Creates the delivery for the rows of a stream.
        modes: Modes that are possible: only upsert, or also update and insert.
        why_no_other_mode: Why no other mode is possible, for messages.
        key_can_be_chosen: Whether the settings can name the field that its rows are matched on.
        one_row_per_key: Whether rows that share a key must not be sent in one call.
        adds_each_time: Whether Planhat adds the rows each time they are sent, so that repeats are not safe (B24, B82).
        needs_tenant_token: Whether the rows are sent to the analytics host.
        sends_points: Whether the rows are metric points.
        makes_custom_fields: Whether the rows are custom fields, which must exist before other rows use them.
        most_bytes: Size of a batch at most.
    """

    rules: Callable[[Model, StreamSettings, Tenant], RowRules]
    delivery: Callable[[Model, StreamSettings, DeliveryContext, logging.Logger], Delivery]
    modes: tuple[str, ...] = ("upsert",)
    why_no_other_mode: str = "Planhat only ever adds such rows"
    key_can_be_chosen: bool = False
    one_row_per_key: bool = False
    adds_each_time: bool = False
    needs_tenant_token: bool = False
    sends_points: bool = False
    makes_custom_fields: bool = False
    most_bytes: int = bulk.MOST_BYTES


@dataclass(frozen=True, eq=False)
class DeliveryWay:
    """The way in which the rows of one model are sent.

    Attributes:
        kind: The way.
        model: The model of the rows.
        rules: The rules for the rows.
        delivery: Sends the rows.
        most_rows: Rows of a batch at most.
        can_push: Whether the settings contain the tenant token, which the analytics host needs.
    """

    kind: WayKind
    model: Model
    rules: RowRules
    delivery: Delivery
    most_rows: int
    can_push: bool

    def check_access(self, stream: str) -> None:
        """Check that the settings contain the token that the rows of a stream need.

        Raises:
            SettingsError: The token is missing.
        """
        if self.kind.needs_tenant_token and not self.can_push:
            msg = f"tenant_token: stream {stream!r} needs it"
            raise SettingsError(msg)
