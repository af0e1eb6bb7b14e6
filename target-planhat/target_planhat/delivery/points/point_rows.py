"""The points of a batch, each with its row and its day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from planhat_api.jsontext import decode, encode
from planhat_api.points.point import day_of_point, other_days, read_points, slot_of
from target_planhat.delivery.sent.entries import Entry, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from planhat_api.points.point import Point, Slot
    from target_planhat.rows.item import Item
    from target_planhat.stream_settings import ExistingPoints

__all__ = ["PointPolicy", "PointRow", "digest_of_point", "entry_of_point", "point_rows", "slots_beside", "with_value"]


class PointPolicy(NamedTuple):
    """What the settings of a stream say about its points.

    Attributes:
        existing: What is done with points whose day holds a value.
        rules: How each metric combines the values of a day, as far as this is known.
        rule: How all other metrics do; None if this is not known.
    """

    existing: ExistingPoints
    rules: Mapping[str, str]
    rule: str | None

    def rule_of(self, dimension_id: str) -> str | None:
        """How a metric combines the values of a day; None if this is not known."""
        return self.rules.get(dimension_id, self.rule)


class PointRow(NamedTuple):
    """A point of a batch.

    Attributes:
        item: Its row.
        point: The point.
        day: Its day, counted since 1970-01-01 in UTC.
        slot: The place of its value.
        policy: What the settings of its stream say.
        others: The days beside its day that it may be for, as distances (Q26).
    """

    item: Item
    point: Point
    day: int
    slot: Slot
    policy: PointPolicy
    others: tuple[int, ...] = ()

    @property
    def other_slots(self) -> tuple[Slot, ...]:
        """The places of its value if it is for another day."""
        point = self.point
        return slots_beside(point.dimension_id, point.model_name, point.external_id, self.day, self.others)

    @property
    def rule(self) -> str | None:
        """How its metric combines the values of a day; None if this is not known."""
        return self.policy.rule_of(self.point.dimension_id)


def slots_beside(dimension: str, model: str, external_id: str, day: int, distances: Iterable[int]) -> tuple[Slot, ...]:
    """The places of a value if it is for other days, at these distances."""
    return tuple(slot_of(dimension, model, external_id, day + distance) for distance in distances)


def entry_of_point(item: Item, point: Point) -> Entry:
    """What identifies a point of the input in the delivery ledger."""
    stream = item.stream
    return Entry(digest_of_point(stream.name, point), stream.input_stream, item.after_states)


def digest_of_point(stream: str, point: Point) -> bytes:
    """Identifies the content of a point, whatever the order of its columns."""
    text = f"{point.dimension_id}\0{point.model_name}\0{point.external_id}\0{point.date}\0{point.value!r}"
    return digest_of(stream, text.encode(errors="surrogatepass"))


def point_rows(
    items: Sequence[Item], policies: Mapping[str, PointPolicy], now: datetime, zone: tzinfo | None
) -> Iterator[PointRow]:
    """The points of a batch.

    Args:
        items: Their rows.
        policies: What the settings say, by stream.
        now: The time of points without a date.
        zone: The zone by whose clock days end; None if this is not known, so that it may be UTC or another one.
    """
    days: dict[str | None, tuple[int, tuple[int, ...]]] = {None: _days(now.isoformat(), zone)}
    for item, point in zip(items, read_points([item.body for item in items]), strict=True):
        found = days.get(point.date)
        if found is None:
            found = days[point.date] = _days(point.date or "", zone)
        day, others = found
        slot = slot_of(point.dimension_id, point.model_name, point.external_id, day)
        yield PointRow(item, point, day, slot, policies[item.stream.name], others)


def _days(date: str, zone: tzinfo | None) -> tuple[int, tuple[int, ...]]:
    return day_of_point(date, zone), other_days(date) if zone is None else ()


def with_value(rows: Sequence[PointRow], value: float) -> PointRow:
    """One point that is sent in place of these points of one day."""
    last = rows[-1]
    number = int(value) if value.is_integer() else value
    body = encode({**decode(last.item.body), "value": number})
    parts = [part for row in rows for part in (row.item.parts or (row.item,))]
    item = replace(last.item, body=body, parts=parts)
    return last._replace(item=item, point=replace(last.point, value=value))
