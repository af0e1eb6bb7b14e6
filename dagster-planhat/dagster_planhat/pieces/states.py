"""The state of the tap: kept by stream, put together for the next run."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dagster_planhat.pieces.windows import Days

__all__ = ["confirms_days", "confirms_streams", "part_of", "state_in_line", "whole"]

_BOOKMARKS = "bookmarks"

State = dict[str, Any]


def state_in_line(line: bytes) -> State | None:
    """The state in a line that a loader wrote; None if the line is something else."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if isinstance(value, dict) and value.get("type") == "STATE":
        value = value.get("value")
    return value if isinstance(value, dict) and isinstance(value.get(_BOOKMARKS), dict) else None


def part_of(state: Mapping[str, Any], streams: Iterable[str]) -> State:
    """The bookmarks of some streams."""
    bookmarks = state.get(_BOOKMARKS, {})
    return {_BOOKMARKS: {stream: bookmarks[stream] for stream in streams if stream in bookmarks}}


def whole(parts: Iterable[Mapping[str, Any]]) -> State | None:
    """One state of several; of two bookmarks for one stream the later one counts. None if there is no bookmark."""
    bookmarks: dict[str, Any] = {}
    for part in parts:
        bookmarks.update(part.get(_BOOKMARKS, {}))
    return {_BOOKMARKS: bookmarks} if bookmarks else None


def confirms_streams(state: Mapping[str, Any] | None, streams: Iterable[str]) -> bool:
    """Whether a state has a bookmark for each of these streams.

    If the run began without one, the state comes from after their last row.
    """
    bookmarks = (state or {}).get(_BOOKMARKS, {})
    return all(stream in bookmarks for stream in streams)


def confirms_days(state: Mapping[str, Any] | None, stream: str, days: Days) -> bool:
    """Whether a state says that all these days were read."""
    bookmark = (state or {}).get(_BOOKMARKS, {}).get(stream, {})
    return any(
        date.fromisoformat(span["first_day"]) <= days.first and days.last <= date.fromisoformat(span["last_day"])
        for span in bookmark.get("days_read", ())
    )
