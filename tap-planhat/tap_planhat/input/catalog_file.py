"""Checks the form of a catalog before the SDK reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_planhat.input.files import type_error_text
from tap_planhat.records.record_types import is_decodable
from tap_planhat.streams.classes import offered_models

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fault_of_catalog"]

_SHOWN = 60


class _Schema(msgspec.Struct):
    """The keywords that this tap and the SDK read."""

    type: str | list[str] | None = None
    format: str | None = None
    properties: dict[str, _Schema] | None = None
    items: _Schema | None = None


class _StreamSchema(msgspec.Struct):
    properties: dict[str, _Schema]


class _Metadata(msgspec.Struct, rename="kebab"):
    inclusion: str | None = None
    selected: bool | None = None
    selected_by_default: bool | None = None
    table_key_properties: list[str] | None = None
    replication_key: str | None = None
    forced_replication_method: str | None = None


class _Entry(msgspec.Struct):
    breadcrumb: list[str]
    metadata: _Metadata


class _Stream(msgspec.Struct):
    tap_stream_id: str
    schema: _StreamSchema
    stream: str | None = None
    metadata: list[_Entry] = []
    key_properties: list[str] | None = None
    replication_key: str | None = None
    replication_method: str | None = None


def fault_of_catalog(catalog: Mapping[str, Any]) -> str | None:
    """What is wrong with a catalog, as the rest of a sentence about the file; None if nothing is wrong."""
    streams = catalog.get("streams")
    if not isinstance(streams, list):
        return "has no list named streams"
    offered = {model.stream for model in offered_models()}
    for position, stream in enumerate(streams):
        name = stream.get("tap_stream_id") if isinstance(stream, dict) else None
        where = f"streams[{position}]" + (f" ({name[:_SHOWN]!r})" if isinstance(name, str) else "")
        try:
            entry = msgspec.convert(stream, _Stream)
        except msgspec.ValidationError as error:
            return f"has an invalid entry {where}: {type_error_text(error)}"
        if entry.tap_stream_id not in offered:
            continue
        if entry.stream and entry.stream != entry.tap_stream_id:
            return f"has an entry {where} whose stream has another name: {entry.stream[:_SHOWN]!r}"
        key = _replication_key(entry)
        if key and not (key in entry.schema.properties and is_decodable(key)):
            return f"has an entry {where} with the replication key {key[:_SHOWN]!r}, which is not one of its properties"
    return None


def _replication_key(entry: _Stream) -> str | None:
    root = next((each.metadata for each in entry.metadata if not each.breadcrumb), _Metadata())
    return entry.replication_key or root.replication_key
