"""The short way of records past the SDK, for speed: messages stay bytes until they are rows.

Used for streams that no stream map changes, or one alone, and only with an SDK whose parts are as expected; else every
record takes the SDK's own way, with the same result.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from singer_sdk import mapper
from singer_sdk.sinks import Sink
from singer_sdk.target_base import Target

from target_planhat.mapped_records import MappedRecords
from target_planhat.sdk_maps import CheckedMap

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from singer_sdk.mapper import StreamMap

    from target_planhat.sdk_hooks import HookedTarget
    from target_planhat.sink import PlanhatSink

__all__ = ["RecordPath"]

KNOWN_SDK = "0.54."
_PARTS: tuple[tuple[object, str], ...] = (
    (mapper, "SameRecordTransform"),
    (mapper.StreamMap, "flattening_enabled"),
    (mapper.PluginMapper, "register_raw_stream_schema"),
    (Target, "_process_record_message"),
    (Target, "drain_one"),
    (Sink, "tally_record_read"),
)


def unexpected_in_sdk() -> str | None:
    """What is not as expected in the installed SDK; None when all is."""
    installed = version("singer-sdk")
    if not installed.startswith(KNOWN_SDK):
        return f"version {installed}, known is {KNOWN_SDK}x"
    missing = [name for owner, name in _PARTS if not hasattr(owner, name)]
    return f"without {', '.join(missing)}" if missing else None


class RecordPath:
    """Finds what takes the messages of a stream as they are: its sink, or its stream map and its sink."""

    def __init__(
        self, target: HookedTarget, logger: logging.Logger, leave_out: Callable[[str, dict[str, Any]], None]
    ) -> None:
        """Look at the SDK.

        Args:
            target: Whose sinks and stream maps decide.
            logger: Told when the SDK is not as expected, and of streams whose records go through it.
            leave_out: Told of a stream and each record of it that its stream map leaves out.
        """
        self._target = target
        self._logger = logger
        self._told: set[str] = set()
        self._leave_out = leave_out
        self._sinks: dict[str, PlanhatSink | None] = {}
        self._mapped: dict[str, MappedRecords | None] = {}
        unexpected = unexpected_in_sdk()
        self.open = unexpected is None
        if unexpected:
            logger.warning("Records take the SDK's own way, which is slower: singer-sdk is %s", unexpected)

    def forget(self) -> None:
        """A stream has a new schema, and so a new sink, which may be that of another stream as well."""
        self._sinks.clear()
        self._mapped.clear()

    def sink(self, stream: str) -> PlanhatSink | None:
        """The sink for messages of a stream; None when they must go through the SDK."""
        if stream not in self._sinks:
            self._sinks[stream] = self._find(stream) if self.open else None
        return self._sinks[stream]

    def mapped(self, stream: str) -> MappedRecords | None:
        """What takes messages of a stream that one stream map changes; None when all must go through the SDK."""
        if stream not in self._mapped:
            self._mapped[stream] = self._find_mapped(stream) if self.open else None
        return self._mapped[stream]

    def _find(self, stream: str) -> PlanhatSink | None:
        maps = self._target.mapper.stream_maps.get(stream, ())
        if len(maps) != 1 or type(maps[0]) is not mapper.SameRecordTransform or maps[0].flattening_enabled:
            return None
        return self._sink_of(stream, maps[0])

    def _find_mapped(self, stream: str) -> MappedRecords | None:
        maps = self._target.kept_maps(stream)
        if len(maps) > 1 and stream not in self._told:
            self._told.add(stream)
            text = "Records of %s are looked at one by one, which is slower: stream_maps make several streams of it"
            self._logger.info(text, stream)
        if len(maps) != 1 or len(self._target.mapper.stream_maps[stream]) != 1:
            return None
        sink = self._sink_of(stream, maps[0])
        if sink is None or not sink.takes_messages:
            return None
        transform = maps[0].made_of if isinstance(maps[0], CheckedMap) else maps[0].transform
        return MappedRecords(stream, transform, sink, partial(self._leave_out, stream))

    def _sink_of(self, stream: str, made: StreamMap) -> PlanhatSink | None:
        """The sink of what a map makes of a stream.

        Maps may give another stream the same name; the sink that was made for that one reads its messages, not these.
        """
        sink = self._target.sink_of(made.stream_alias)
        return sink if sink is not None and sink.input_stream == stream else None
