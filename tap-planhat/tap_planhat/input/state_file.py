"""Checks the form of a state before streams continue from its bookmarks."""

from __future__ import annotations

from collections import Counter
from datetime import date  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from planhat_api.values.dates import FIRST_DAY, LAST_DAY
from tap_planhat.input.files import type_error_text
from tap_planhat.records.values import to_epoch_day, to_moment
from tap_planhat.streams.classes import offered_models
from tap_planhat.streams.dimension_data import PARTITION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["fault_of_state", "without_foreign_parts"]

_DAYS = "dimension_data"
_SHOWN = 60

_Day = Annotated[int, msgspec.Meta(ge=FIRST_DAY, le=LAST_DAY)]


class _Stretch(msgspec.Struct):
    first_day: date
    last_day: date
    read_on: date
    days_after: Annotated[int, msgspec.Meta(ge=0)]


class _Marks(msgspec.Struct):
    """What this tap and the SDK read in the bookmark of a stream or of one of its partitions."""

    replication_key: str | None = None
    replication_key_value: Any = None
    progress_markers: dict[str, Any] = {}
    first_day: _Day | msgspec.UnsetType = msgspec.UNSET
    days_read: list[_Stretch] | msgspec.UnsetType = msgspec.UNSET
    filters: dict[str, list[str]] | None = None


class _Part(_Marks, kw_only=True):
    context: dict[str, Any]


class _Bookmark(_Marks):
    partitions: list[_Part] = []


class _ForeignPart(msgspec.Struct):
    progress_markers: dict[str, Any] = {}


class _Foreign(_ForeignPart):
    """The bookmark of a stream that this tap does not have. The SDK reads it nevertheless."""

    partitions: list[_ForeignPart] = []


def fault_of_state(state: Mapping[str, Any]) -> str | None:
    """What is wrong with a state, as the rest of a sentence about the file; None if nothing is wrong."""
    if state.get("type") == "STATE":
        return "holds a whole STATE message; give only its value"
    if (wrapping := _wrapping_of(state)) is not None:
        return f"holds the state inside {wrapping[:_SHOWN]!r}; give only the content of {wrapping[:_SHOWN]!r}"
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict):
        return "has bookmarks that are not an object"
    streams = {model.stream: model.updated.field for model in offered_models()}
    faults = (_fault_of(stream, bookmark, streams) for stream, bookmark in bookmarks.items())
    return next((fault for fault in faults if fault), None)


def _wrapping_of(state: Mapping[str, Any]) -> str | None:
    """The name of the object that holds the state, if another tool wrapped it, as ``meltano state get`` does."""
    if "bookmarks" in state:
        return None
    return next((name for name, value in state.items() if isinstance(value, dict) and "bookmarks" in value), None)


def without_foreign_parts(state: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Remove bookmarks of partitions that dimension data does not have, such as one for each company.

    Returns:
        The number of removed bookmarks, and the state without them.
    """
    marks = state.get("bookmarks", {}).get(_DAYS, {})
    parts = marks.get("partitions", [])
    kept = [part for part in parts if set(part["context"]) == {PARTITION}]
    if len(kept) == len(parts):
        return 0, state
    bookmarks = {**state["bookmarks"], _DAYS: {**marks, "partitions": kept}}
    return len(parts) - len(kept), {**state, "bookmarks": bookmarks}


def _fault_of(stream: str, bookmark: Any, streams: Mapping[str, str | None]) -> str | None:  # noqa: ANN401 - any JSON value
    try:
        if stream not in streams:
            msgspec.convert(bookmark, _Foreign)
            return None
        marks = msgspec.convert(bookmark, _Bookmark)
    except msgspec.ValidationError as error:
        return f"has an invalid bookmark of {stream[:_SHOWN]!r}: {type_error_text(error)}"
    if twice := _repeated(part.context for part in marks.partitions):
        return f"has two partitions of {stream[:_SHOWN]!r} with the context {twice[:_SHOWN]}; keep only one"
    field = None if stream == _DAYS else streams[stream]
    for each in (marks, *marks.partitions):
        if not _is_usable(each, field):
            return f"has a bookmark of {stream[:_SHOWN]!r} whose replication_key_value is not a date"
    return None


def _repeated(contexts: Iterable[dict[str, Any]]) -> str | None:
    texts = Counter(msgspec.json.encode(context, order="sorted").decode() for context in contexts)
    return next((text for text, number in texts.items() if number > 1), None)


def _is_usable(marks: _Marks, field: str | None) -> bool:
    """Whether the stream can continue from its bookmark.

    Args:
        marks: The bookmark.
        field: The field that the bookmark should belong to; a bookmark of another field is ignored. None for
            dimension data, where the bookmark is always a day.
    """
    value = marks.replication_key_value
    if value is None or (field and marks.replication_key != field):
        return True
    return (to_moment(value) if field else to_epoch_day(value)) is not None
