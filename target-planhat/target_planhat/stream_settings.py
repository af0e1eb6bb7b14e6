"""Checks that the settings of a stream can have an effect where its rows go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.errors import SettingsError
from target_planhat.routing import Way

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from target_planhat.routing import Route

__all__ = ["DUPLICATE", "check_mode"]

DUPLICATE = "duplicate"
"""The mode that copies rows which Planhat holds already."""

_PLAIN = "upsert"
_MODES = (_PLAIN, "update", "insert")


def check_mode(stream: str, route: Route, block: Mapping[str, Any]) -> None:
    """Check the mode that the block of a stream names.

    Raises:
        SettingsError: Rows that go this way cannot be treated so.
    """
    wanted = block.get("mode")
    able = _modes(route)
    if wanted is None or wanted in able:
        return
    if wanted == DUPLICATE:
        what = "only time entries can be copied"
    elif route.way is Way.SINGLE:
        what = "its rows are always found by their names, then created or updated"
    else:
        what = "Planhat only ever adds such rows"
    right = f"It takes {', '.join(able)}" if len(able) > 1 else "Leave it out"
    msg = f"streams.{stream}.mode: {wanted!r} is not possible for {route.model.name}: {what}. {right}"
    raise SettingsError(msg)


def _modes(route: Route) -> tuple[str, ...]:
    """The modes that a way into a model can do."""
    if route.way is not Way.BULK:
        return (_PLAIN,)
    return (*_MODES, DUPLICATE) if DUPLICATE in route.model.operations else _MODES
