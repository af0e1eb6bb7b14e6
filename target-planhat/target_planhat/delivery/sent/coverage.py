"""Tells which streams a STATE covers: the next run does not read their records before it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["covered_streams"]

_BOOKMARKS = "bookmarks"
_MARKERS = "progress_markers"
"""With these, taps of the SDK say how far a stream is of which the next run begins at the same place again."""


def covered_streams(state: object, before: object, streams: Collection[str]) -> set[str]:
    """The streams whose records before a STATE are not read again by a run that starts from it.

    A stream is covered if its bookmark moved. If a STATE has bookmarks, but none of the stream, the stream is not
    covered: it is read whole each time. A STATE without bookmarks covers all streams if it moved.

    Args:
        state: The STATE.
        before: The STATE that was written before it in this run; None if there is none.
        streams: Streams with records before the STATE.
    """
    bookmarks, earlier = _bookmarks(state), _bookmarks(before)
    if not bookmarks:
        return {*streams} if _moved(state, before) else set()
    return {stream for stream in streams if _moved(bookmarks.get(stream), earlier.get(stream))}


def _bookmarks(state: object) -> Mapping[str, object]:
    found = state.get(_BOOKMARKS) if isinstance(state, dict) else None
    return found if isinstance(found, dict) else {}


def _moved(place: object, before: object) -> bool:
    return place != before and _names_a_place(place) and not _has_markers(place)


def _has_markers(place: object) -> bool:
    if isinstance(place, dict):
        return bool(place.get(_MARKERS)) or any(map(_has_markers, place.values()))
    return isinstance(place, list) and any(map(_has_markers, place))


def _names_a_place(place: object) -> bool:
    """Whether it holds any value that can be a place in a source."""
    if isinstance(place, dict):
        return any(map(_names_a_place, place.values()))
    if isinstance(place, list):
        return any(map(_names_a_place, place))
    return place is not None and place != "" and not isinstance(place, bool)
