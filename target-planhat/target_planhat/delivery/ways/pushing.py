"""Sends rows that Planhat adds each time they come, so that they are not safe to send twice (B24, B82)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.resending import Repeats
from target_planhat.errors import SettingsError
from target_planhat.rows.fast_rows import QuickCheck, leading
from target_planhat.rows.schema_types import NoTypeError

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from planhat_api import PlanhatError
    from target_planhat.rows.mapping import ColumnPlan
    from target_planhat.settings import TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["check_token", "first_named", "repeats_by"]

_RESENDS = 3


def check_token(tenant: Tenant, stream: str) -> None:
    """Check that the settings hold the token that the analytics host wants.

    Raises:
        SettingsError: They do not.
    """
    if not tenant.can_push:
        msg = f"tenant_token: stream {stream!r} needs it"
        raise SettingsError(msg)


def repeats_by(settings: TargetSettings, logger: logging.Logger) -> Repeats:
    """What is sent again when it may have arrived although its call failed: the settings decide."""
    resend = settings.on_uncertain_delivery == "resend"

    def notice(number: int, err: PlanhatError) -> None:
        logger.warning("Sending %s rows again, some may count twice: %s", number, err)

    return Repeats(_RESENDS, lambda _: resend, notice)


def first_named(plan: ColumnPlan, fields: Sequence[str]) -> QuickCheck:
    """The check that the first of these fields which has a column is filled; other rows are looked at one by one.

    Raises:
        NoTypeError: None of them has a column.
    """
    placed = {source.slot.name for source in plan.sources}
    named = next((name for name in fields if name in placed), None)
    if named is None:
        raise NoTypeError
    return QuickCheck((named,), leading)
