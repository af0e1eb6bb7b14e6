"""Checks that the settings of a stream can have an effect on the way its rows go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.ways.table import DUPLICATE, kind_of_route
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.way import WayKind
    from target_planhat.rows.routing import Route

    Complaint = Callable[[Any, WayKind, Model], str | None]

__all__ = ["check_block"]

_LEAVE_OUT = "Leave it out"


def check_block(stream: str, route: Route, block: Mapping[str, Any]) -> None:
    """Check what the block of a stream says of the way its rows go.

    Raises:
        SettingsError: Rows that go this way cannot be treated so.
    """
    way = kind_of_route(route)
    for name, complaint in _CHECKS.items():
        if name in block and (told := complaint(block[name], way, route.model)):
            msg = f"streams.{stream}.{name}: {block[name]!r} is not possible for {route.model.name}: {told}"
            raise SettingsError(msg)


def _mode(wanted: str, way: WayKind, model: Model) -> str | None:
    able = (*way.modes, DUPLICATE) if DUPLICATE in model.operations else way.modes
    if wanted in able:
        return None
    what = "only time entries can be copied" if wanted == DUPLICATE else way.why_no_other_mode
    return f"{what}. It takes {', '.join(able)}" if len(able) > 1 else f"{what}. {_LEAVE_OUT}"


def _key(_wanted: str, way: WayKind, _model: Model) -> str | None:
    if way.key_can_be_chosen:
        return None
    return f"its rows are not matched on a field that can be chosen. {_LEAVE_OUT}"


_CHECKS: Mapping[str, Callable[[Any, WayKind, Model], str | None]] = {
    "mode": _mode,
    "key": _key,
}
