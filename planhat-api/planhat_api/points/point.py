"""Reads metric points, and finds the day that each is for."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from planhat_api.values.dates import day_number, epoch_day, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

__all__ = [
    "COMPANY",
    "HeldPoint",
    "Point",
    "Slot",
    "day_of_point",
    "held_points",
    "other_days",
    "read_points",
    "slot_of",
]

COMPANY = "Company"
"""The model of a point that names none."""
_SLOT_SIZE = 16  # bytes
_HOURS, _HOURS_BEHIND, _HOURS_AHEAD = 24, 12, 14
"""Hours of a day, and by how many the clocks of the zones differ from UTC at most."""

Slot = bytes
"""Identifies the place of one value: a metric, a record and a day (B82). A digest, so that many need little memory."""


class Point(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A point in the form in which it is sent.

    Attributes:
        dimension_id: The metric.
        value: The value.
        external_id: External id of the record.
        model: Model of the record.
        date: The moment; None for the time of receipt.
    """

    dimension_id: str
    value: float
    external_id: str
    model: str | None = None
    date: str | None = None

    @property
    def model_name(self) -> str:
        """The model of its record."""
        return self.model or COMPANY


class HeldPoint(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A point in the form in which Planhat lists it. Members that do not have this form are UNSET."""

    dimension_id: str | UnsetType = UNSET
    time: str | UnsetType = UNSET
    value: float | UnsetType = UNSET
    model: str | UnsetType = UNSET
    parent_id: str | UnsetType = UNSET


_decode_points = msgspec.json.Decoder(list[Point]).decode
_decode_held = msgspec.json.Decoder(list[HeldPoint]).decode


def read_points(bodies: Sequence[bytes]) -> list[Point]:
    """The points in these bodies, each one JSON object that was checked before."""
    return _decode_points(b"[" + b",".join(bodies) + b"]")


def held_points(records: Sequence[bytes | msgspec.Raw]) -> list[HeldPoint]:
    """The points in these records of a list. Records of another form are left out."""
    try:
        return _decode_held(b"[" + b",".join(records) + b"]")
    except msgspec.ValidationError:
        return [point for record in records for point in _one_held(record)]


def _one_held(record: bytes | msgspec.Raw) -> list[HeldPoint]:
    try:
        return _decode_held(b"[" + bytes(record) + b"]")
    except msgspec.ValidationError:
        return []


def day_of_point(date: str, zone: tzinfo | None = None) -> int:
    """The day of a point, counted since 1970-01-01.

    Args:
        date: Its moment.
        zone: The zone by whose clock days end; None for UTC (Q26).
    """
    if zone is None:
        return int(epoch_day(date) or 0)
    return day_number(_moment(date).astimezone(zone).date())


def other_days(date: str) -> tuple[int, ...]:
    """The days beside its day in UTC that a point may be for, if days end by the clock of another zone (Q26)."""
    hour = _moment(date).hour
    before = (-1,) if hour < _HOURS_BEHIND else ()
    return (*before, 1) if hour >= _HOURS - _HOURS_AHEAD else before


def _moment(date: str) -> datetime:
    found = datetime.fromisoformat((moment(date) or date).replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def slot_of(dimension_id: str, model: str, external_id: str, day: int) -> Slot:
    """The place of one value.

    Args:
        dimension_id: The metric.
        model: Model of the record, as Planhat writes it.
        external_id: External id of the record.
        day: The day, counted since 1970-01-01.
    """
    text = f"{dimension_id}\0{model}\0{external_id}\0{day}"
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_SLOT_SIZE).digest()
