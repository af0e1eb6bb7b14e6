"""Checks that the settings of a stream are possible with the way in which its rows are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.ways.selection import DUPLICATE, kind_of_route
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.way import WayKind
    from target_planhat.rows.routing import Route

    Check = Callable[[Any, WayKind, Model], str | None]

__all__ = ["check_block"]

_LEAVE_OUT = "Leave it out"


def check_block(stream: str, route: Route, block: Mapping[str, Any]) -> None:
    """Check the settings in the block of a stream.

    Raises:
        SettingsError: A setting is not possible for rows that are sent in this way.
    """
    way = kind_of_route(route)
    for name, check in _CHECKS.items():
        if name in block and (reason := check(block[name], way, route.model)):
            msg = f"streams.{stream}.{name}: {block[name]!r} is not possible for {route.model.name}: {reason}"
            raise SettingsError(msg)


def _mode(wanted: str, way: WayKind, model: Model) -> str | None:
    possible = (*way.modes, DUPLICATE) if DUPLICATE in model.operations else way.modes
    if wanted in possible:
        return None
    what = "only time entries can be copied" if wanted == DUPLICATE else way.why_no_other_mode
    return f"{what}. It takes {', '.join(possible)}" if len(possible) > 1 else f"{what}. {_LEAVE_OUT}"


def _key(_wanted: str, way: WayKind, _model: Model) -> str | None:
    if way.key_can_be_chosen:
        return None
    return f"its rows are not matched on a field that can be chosen. {_LEAVE_OUT}"


def _ownership(_wanted: object, way: WayKind, _model: Model) -> str | None:
    # Only rows that are matched on a key are compared with the records in Planhat.
    return None if way.key_can_be_chosen else f"its rows are not compared with records in Planhat. {_LEAVE_OUT}"


def _points(wanted: object, way: WayKind, _model: Model) -> str | None:
    # Without a value it has no effect.
    return None if way.sends_points or not wanted else "only metrics have points. Set model: metrics, or leave it out"


_CHECKS: Mapping[str, Callable[[Any, WayKind, Model], str | None]] = {
    "mode": _mode,
    "key": _key,
    "ownership": _ownership,
    "existing_points": _points,
    "combine": _points,
    "points": _points,
}
