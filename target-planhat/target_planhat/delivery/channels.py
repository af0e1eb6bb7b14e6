"""Where the rows of several streams go together: to one model, in one way, in the order in which they came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from target_planhat.delivery.batch import Batch
from target_planhat.delivery.model_order import parents_of, rank

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from target_planhat.delivery.ways.way import DeliveryWay

__all__ = ["Channel", "Channels", "Feeder"]


class Feeder(Protocol):
    """What puts the rows of one stream into a channel: the SDK's sink."""

    def drain(self) -> None:
        """Have the batch sent, by the SDK's own call, which measures it."""

    def count_for_sdk(self) -> None:
        """Count, for the SDK's metrics, what was put in and did not come through the SDK."""


class Channel:
    """A batch and the way that its rows go. Streams that go to one model share it, or their order would be lost.

    Attributes:
        way: The way that its rows go.
        batch: The rows that wait to be sent.
        feeders: Who puts rows in, by stream; of a stream whose SCHEMA changed, the newest.
    """

    def __init__(self, way: DeliveryWay) -> None:
        """Hold no rows yet."""
        self.way = way
        self.batch = Batch(
            way.most_rows,
            way.kind.most_bytes,
            collapses=self.collapses,
            one_row_per_key=way.kind.one_row_per_key,
        )
        self.feeders: dict[str, Feeder] = {}

    @property
    def model(self) -> Model:
        """The model that the rows go to."""
        return self.way.model

    @property
    def collapses(self) -> bool:
        """Whether rows with the same key become one."""
        return self.way.rules.collapses

    def join(self, stream: str, feeder: Feeder) -> None:
        """Let a feeder put in the rows of a stream from now on."""
        if stream in self.feeders:
            self.feeders[stream].count_for_sdk()
        self.feeders[stream] = feeder

    def keep_repeatable(self) -> None:
        """Keep only those rows of the batch which do no harm when they come twice."""
        self.batch.keep(lambda item: self.collapses and item.match is not None)

    def drain(self) -> None:
        """Have the batch sent."""
        next(iter(self.feeders.values())).drain()


class Channels:
    """The channels of one run, made when the first stream needs them."""

    def __init__(self) -> None:
        """Have none yet."""
        self._by_place: dict[object, Channel] = {}

    def join(self, stream: str, feeder: Feeder, way: DeliveryWay) -> Channel:
        """The channel for the rows of a stream, shared by all streams that go to the same place in the same way.

        Args:
            stream: The stream.
            feeder: Who puts in its rows from now on.
            way: The way they go.
        """
        place = (way.kind, way.model.path)
        if place not in self._by_place:
            self._by_place[place] = Channel(way)
        channel = self._by_place[place]
        channel.join(stream, feeder)
        return channel

    def parents_first(self) -> list[Channel]:
        """All channels, parents before children."""
        return sorted(self._by_place.values(), key=lambda channel: rank(channel.model))

    def parents_of(self, model: Model) -> list[Channel]:
        """The channels of the models that one refers to, parents before children."""
        parents = parents_of(model.path)
        return [channel for channel in self.parents_first() if channel.model.path in parents]

    def have_parents_of(self, model: Model) -> bool:
        """Whether rows of this run go to a model that this one refers to."""
        return bool(self.parents_of(model))
