"""Checks that the settings of a stream can have an effect where its rows go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.errors import SettingsError
from target_planhat.rows.routing import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from target_planhat.rows.routing import Route

__all__ = ["DUPLICATE", "check_block"]

DUPLICATE = "duplicate"
"""The mode that copies rows which Planhat holds already."""

_PLAIN = "upsert"
_MODES = (_PLAIN, "update", "insert")
_LEAVE_OUT = "Leave it out"


def check_block(stream: str, route: Route, block: Mapping[str, Any]) -> None:
    """Check what the block of a stream says of the way its rows go.

    Raises:
        SettingsError: Rows that go this way cannot be treated so.
    """
    for name, complaint in _CHECKS.items():
        if name in block and (told := complaint(block[name], route)):
            msg = f"streams.{stream}.{name}: {block[name]!r} is not possible for {route.model.name}: {told}"
            raise SettingsError(msg)


def _mode(wanted: str, route: Route) -> str | None:
    able = _modes(route)
    if wanted in able:
        return None
    if wanted == DUPLICATE:
        what = "only time entries can be copied"
    elif route.way is Way.SINGLE:
        what = "its rows are always found by their names, then created or updated"
    else:
        what = "Planhat only ever adds such rows"
    return f"{what}. It takes {', '.join(able)}" if len(able) > 1 else f"{what}. {_LEAVE_OUT}"


def _modes(route: Route) -> tuple[str, ...]:
    """The modes that a way into a model can do."""
    if route.way is not Way.BULK:
        return (_PLAIN,)
    return (*_MODES, DUPLICATE) if DUPLICATE in route.model.operations else _MODES


def _endpoint(wanted: str, route: Route) -> str | None:
    able = _ENDPOINTS[route.way]
    if wanted in able:
        return None
    return f"its rows go {'one' if able == ('one',) else 'many'} per call. {_LEAVE_OUT}"


def _key(_wanted: str, route: Route) -> str | None:
    return None if route.way is Way.BULK else f"its rows are not matched on a field that can be chosen. {_LEAVE_OUT}"


_ENDPOINTS: Mapping[Way, tuple[str, ...]] = {
    Way.BULK: ("bulk",),
    Way.SINGLE: ("one",),
    Way.METRICS: ("bulk",),
    Way.ACTIVITIES: ("bulk", "one"),
    Way.SEGMENT: ("one",),
}
_CHECKS: Mapping[str, Callable[[str, Route], str | None]] = {"mode": _mode, "endpoint": _endpoint, "key": _key}
