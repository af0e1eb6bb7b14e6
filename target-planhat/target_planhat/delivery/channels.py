"""Joins the streams that go to the same model in the same way, so that their rows keep their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from target_planhat.delivery.batch import Batch
from target_planhat.delivery.model_order import parents_of, rank

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.way import DeliveryWay

__all__ = ["Channel", "Channels", "StreamSink"]


class StreamSink(Protocol):
    """Adds the rows of one stream to a channel: the SDK's sink."""

    def drain(self) -> None:
        """Send the batch through the SDK's own method, which measures the time."""

    def count_for_sdk(self) -> None:
        """Count the records for the SDK's metrics that did not pass through the SDK."""


class Channel:
    """A batch and the way in which its rows are sent.

    All streams of one model share a channel. Otherwise the order of their rows would be lost.

    Attributes:
        way: The way in which its rows are sent.
        batch: The rows that wait to be sent.
        sinks: The sink that adds rows, by stream. If the SCHEMA of a stream changed, it is the newest sink.
    """

    def __init__(self, way: DeliveryWay) -> None:
        """Start without rows."""
        self.way = way
        self.batch = Batch(
            way.most_rows,
            way.kind.most_bytes,
            merges_by_key=self.merges_by_key,
            one_row_per_key=way.kind.one_row_per_key,
        )
        self.sinks: dict[str, StreamSink] = {}

    @property
    def model(self) -> Model:
        """The model that the rows go to."""
        return self.way.model

    @property
    def merges_by_key(self) -> bool:
        """Whether rows with the same key are merged into one."""
        return self.way.rules.merges_by_key

    def join(self, stream: str, sink: StreamSink) -> None:
        """Use a sink for the rows of a stream from now on."""
        if stream in self.sinks:
            self.sinks[stream].count_for_sdk()
        self.sinks[stream] = sink

    def keep_repeatable(self) -> None:
        """Keep only the rows of the batch that may be sent twice."""
        self.batch.keep(lambda item: self.merges_by_key and item.match is not None)

    def drain(self) -> None:
        """Send the batch."""
        next(iter(self.sinks.values())).drain()


class Channels:
    """The channels of one run. Each is created when the first stream needs it."""

    def __init__(self) -> None:
        """Start without channels."""
        self._by_destination: dict[object, Channel] = {}

    def join(self, stream: str, sink: StreamSink, way: DeliveryWay) -> Channel:
        """The channel for the rows of a stream. All streams with the same model and way share it.

        Args:
            stream: The stream.
            sink: The sink that adds its rows from now on.
            way: The way in which its rows are sent.
        """
        destination = (way.kind, way.model.path)
        if destination not in self._by_destination:
            self._by_destination[destination] = Channel(way)
        channel = self._by_destination[destination]
        channel.join(stream, sink)
        return channel

    def parents_first(self) -> list[Channel]:
        """All channels, parents before children."""
        return sorted(self._by_destination.values(), key=lambda channel: rank(channel.model))

    def parents_of(self, model: Model) -> list[Channel]:
        """The channels of the models that a model refers to, parents before children."""
        parents = parents_of(model.path)
        return [channel for channel in self.parents_first() if channel.model.path in parents]

    def changing_with(self, model: Model) -> list[Channel]:
        """The channels of other models of which records change with those of a model, or the other way round.

        The channels of its parents are not among them.
        """
        return [
            channel
            for channel in self.parents_first()
            if channel.model.path in model.side_effects.keys() - parents_of(model.path)
            or model.path in channel.model.side_effects.keys() - parents_of(channel.model.path)
        ]

    def have_parents_of(self, model: Model) -> bool:
        """Whether this run sends rows to a model that this model refers to."""
        return bool(self.parents_of(model))
