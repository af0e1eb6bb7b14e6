"""Passes records to their sink without the SDK, for speed: messages stay bytes until they are rows.

This is done for streams with at most one stream map, and only if the parts of the SDK are as expected. All other
records are processed by the SDK, with the same result.
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

__all__ = ["SdkBypass"]

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
    """What is not as expected in the installed SDK; None if everything is."""
    installed = version("singer-sdk")
    if not installed.startswith(KNOWN_SDK):
        return f"version {installed}, the known version is {KNOWN_SDK}x"
    missing = [name for owner, name in _PARTS if not hasattr(owner, name)]
    return f"without {', '.join(missing)}" if missing else None


class SdkBypass:
    """Finds the sink that can handle messages of a stream directly, or after the one stream map of the stream."""

    def __init__(
        self, target: HookedTarget, logger: logging.Logger, leave_out: Callable[[str, dict[str, Any]], None]
    ) -> None:
        """Check the SDK.

        Args:
            target: Has the sinks and the stream maps.
            logger: Logs if the SDK is not as expected, and which streams the SDK must process.
            leave_out: Called with a stream and each record that its stream map leaves out.
        """
        self._target = target
        self._logger = logger
        self._logged: set[str] = set()
        self._leave_out = leave_out
        self._sinks: dict[str, PlanhatSink | None] = {}
        self._mapped: dict[str, MappedRecords | None] = {}
        unexpected = unexpected_in_sdk()
        self.is_usable = unexpected is None
        if unexpected:
            logger.warning("Records are processed by the SDK, which is slower: singer-sdk is %s", unexpected)

    def forget(self) -> None:
        """Forget all sinks. A stream has a new schema and a new sink, which may also be the sink of another stream."""
        self._sinks.clear()
        self._mapped.clear()

    def sink(self, stream: str) -> PlanhatSink | None:
        """The sink for messages of a stream; None if the SDK must process them."""
        if stream not in self._sinks:
            self._sinks[stream] = self._find_sink(stream) if self.is_usable else None
        return self._sinks[stream]

    def mapped(self, stream: str) -> MappedRecords | None:
        """Handles messages of a stream with one stream map; None if the SDK must process them."""
        if stream not in self._mapped:
            self._mapped[stream] = self._find_mapped(stream) if self.is_usable else None
        return self._mapped[stream]

    def _find_sink(self, stream: str) -> PlanhatSink | None:
        maps = self._target.mapper.stream_maps.get(stream, ())
        if len(maps) != 1 or type(maps[0]) is not mapper.SameRecordTransform or maps[0].flattening_enabled:
            return None
        return self._sink_of(stream, maps[0])

    def _find_mapped(self, stream: str) -> MappedRecords | None:
        maps = self._target.kept_maps(stream)
        if len(maps) > 1 and stream not in self._logged:
            self._logged.add(stream)
            text = "Records of %s are processed one by one, which is slower: stream_maps make several streams of it"
            self._logger.info(text, stream)
        if len(maps) != 1 or len(self._target.mapper.stream_maps[stream]) != 1:
            return None
        sink = self._sink_of(stream, maps[0])
        if sink is None or not sink.accepts_messages:
            return None
        transform = maps[0].made_of if isinstance(maps[0], CheckedMap) else maps[0].transform
        return MappedRecords(stream, transform, sink, partial(self._leave_out, stream))

    def _sink_of(self, stream: str, made: StreamMap) -> PlanhatSink | None:
        """The sink of the stream that a map makes.

        Maps may give another stream the same name. The sink of that stream cannot read the messages of this one.
        """
        sink = self._target.sink_of(made.stream_alias)
        return sink if sink is not None and sink.input_stream == stream else None
