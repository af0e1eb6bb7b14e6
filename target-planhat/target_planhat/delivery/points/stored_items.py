"""Keeps rows as bytes until the audit, so that points that did not land can become rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.rows.item import Item

if TYPE_CHECKING:
    from target_planhat.rows.item import StreamInfo

__all__ = ["StoredItems"]

_NOT_STORED = ("delete", "overtaken", "parts", "stream", "expected", "changed")
_STORED = tuple(name for name in Item.__struct_fields__ if name not in _NOT_STORED)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class StoredItems:
    """Writes and reads rows. Their streams stay in memory."""

    def __init__(self) -> None:
        """Start without streams."""
        self._streams: list[StreamInfo] = []
        self._places: dict[StreamInfo, int] = {}

    def pack(self, item: Item) -> bytes:
        """A row as bytes."""
        return _encode(self._values(item))

    def _values(self, item: Item) -> list[Any]:
        values = [getattr(item, name) for name in _STORED]
        return [self._place_of(item.stream), values, [self._values(part) for part in item.parts]]

    def _place_of(self, stream: StreamInfo) -> int:
        place = self._places.setdefault(stream, len(self._streams))
        if place == len(self._streams):
            self._streams.append(stream)
        return place

    def unpack(self, packed: bytes) -> Item:
        """The row that was packed."""
        return self._item(_decode(packed))

    def _item(self, found: list[Any]) -> Item:
        stream, values, parts = found
        named = dict(zip(_STORED, values, strict=True))
        for name in ("match", "origin"):
            named[name] = None if named[name] is None else tuple(named[name])
        return Item(**named, stream=self._streams[stream], parts=[self._item(part) for part in parts])
