"""Stores dimension data with one value per record, metric and day (B82)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from planhat_sandbox.clock import iso_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_sandbox.clock import Clock
    from planhat_sandbox.store import Row

__all__ = ["COMBINE", "Accepted", "Grid", "Points", "Pushed", "Range", "Reading", "Series"]

_SECONDS_A_DAY = 86_400
_TAG = "d1e5000000"

_encode = msgspec.json.Encoder().encode

Key = tuple[str, str, str]

COMBINE: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "last": lambda values: values[-1],
    "min": min,
    "max": max,
    "average": lambda values: sum(values) / len(values),
}


@dataclass(frozen=True)
class Series:
    """One metric of one record."""

    dimension_id: str
    model: str
    parent_id: str
    company_id: str
    company_name: str

    @property
    def key(self) -> Key:
        """The key that distinguishes this series from all others."""
        return (self.model, self.parent_id, self.dimension_id)

    @cached_property
    def tail(self) -> str:
        """The part of its encoded rows that is the same every day."""
        fields = {
            "dimensionId": self.dimension_id,
            "model": self.model,
            "parentId": self.parent_id,
            "companyId": self.company_id,
            "companyName": self.company_name,
        }
        return "," + _encode(fields).decode()[1:]


class Grid(Protocol):
    """Seeded points, with a value for each series on each of several consecutive days."""

    first_day: int
    days: int

    @property
    def series(self) -> Sequence[Series]:
        """All series."""

    def value(self, index: int, day: int) -> float:
        """The value of the series at an index on a day, given in days since 1970-01-01."""


@dataclass(frozen=True)
class Range:
    """The requested points; None means no limit."""

    first_day: int | None = None
    last_day: int | None = None
    company_id: str | None = None
    dimension_id: str | None = None

    def holds(self, series: Series, day: int) -> bool:
        """Whether it contains a point."""
        after = self.first_day is None or day >= self.first_day
        before = self.last_day is None or day <= self.last_day
        return after and before and self.wants(series)

    def wants(self, series: Series) -> bool:
        """Whether it can contain points of a series."""
        return self.company_id in (None, series.company_id) and self.dimension_id in (None, series.dimension_id)


class Pushed(NamedTuple):
    """One value that was pushed for one record, metric and day.

    Attributes:
        amount: The value.
        time: Time of its date, in seconds by the clock that ends the day.
        readable_at: When lists begin to return it, in seconds since 1970-01-01 (UTC).
    """

    amount: float
    time: float = 0.0
    readable_at: float = 0.0


@dataclass(frozen=True)
class Reading:
    """How lists show the values of a day.

    Attributes:
        combine: How several values become one (B82); one of COMBINE.
        last_by_time: Whether the last value is the one with the latest time, and not the one that arrived last (Q29).
        zero_is_missing: Whether a day whose value is zero is left out (B82).
    """

    combine: str = "sum"
    last_by_time: bool = False
    zero_is_missing: bool = False

    def value_of(self, values: list[Pushed]) -> float:
        """The value of a day that has at least one value."""
        if len(values) == 1:
            return values[0].amount
        if self.last_by_time and self.combine == "last":
            values = sorted(values, key=lambda value: value.time)
        return COMBINE[self.combine]([value.amount for value in values])


@dataclass
class _Day:
    """The values of one record, metric and day that got values by calls, in the order of their arrival."""

    point_id: str
    series: Series
    day: int
    values: list[Pushed]

    def readable(self, now: float) -> list[Pushed]:
        return [value for value in self.values if value.readable_at <= now]


class Accepted(NamedTuple):
    """A point that was accepted.

    Attributes:
        item: As it arrived.
        day: Its day, in days since 1970-01-01; None if it matched no record and was dropped.
        readable_at: When lists begin to return it, in seconds since 1970-01-01 (UTC); None if it was dropped.
    """

    item: Row
    day: int | None = None
    readable_at: float | None = None

    @property
    def landed(self) -> bool:
        """Whether it matched a record."""
        return self.day is not None


@dataclass
class Points:
    """All points of the tenant. Callers hold the lock of the store.

    Attributes:
        grid: The seeded points.
        clock: Says which points can be read.
        accepted: Every accepted point, in the order of arrival.
    """

    grid: Grid
    clock: Clock
    accepted: list[Accepted] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start without pushed values."""
        # Days of seeded points that got further values, by series and day.
        self._over: dict[tuple[Key, int], _Day] = {}
        # Other days with values, in the order of their first value.
        self._extra: dict[tuple[Key, int], _Day] = {}
        self._wanted: dict[Range, list[int]] = {}

    @cached_property
    def _indexes_of_series(self) -> dict[Key, int]:
        return {series.key: index for index, series in enumerate(self.grid.series)}

    def add(self, series: Series, day: int, value: Pushed) -> None:
        """Store one value."""
        key = (series.key, day)
        index = self._indexes_of_series.get(series.key)
        seeded = index is not None and 0 <= day - self.grid.first_day < self.grid.days
        target = self._over if seeded else self._extra
        if key not in target:
            # The seeded value is older than all others.
            start = [Pushed(self.grid.value(index, day), -math.inf)] if seeded and index is not None else []
            point_id = _point_id(day, index if index is not None else len(self._indexes_of_series) + len(self._extra))
            target[key] = _Day(point_id, series, day, start)
        target[key].values.append(value)

    def count(self) -> int:
        """Number of days with a value that can be read, also if it is zero."""
        now = self.clock.seconds()
        seeded = self.grid.days * len(self.grid.series)
        return seeded + sum(1 for held in self._extra.values() if held.readable(now))

    def page(self, wanted: Range, offset: int, limit: int, reading: Reading) -> list[bytes]:
        """Encoded rows: the seeded points by day, then the others in the order of their arrival."""
        if reading.zero_is_missing:
            shown = (row for amount, row in self._all(wanted, reading) if amount != 0)
            return list(islice(shown, offset, offset + limit))
        indexes, first, seeded = self._seeded_part(wanted)
        positions = range(offset, min(offset + limit, seeded))
        rows = [row for _, row in self._seeded(indexes, first, positions, reading)]
        if len(rows) < limit:
            start = max(0, offset - seeded)
            others = islice(self._others(wanted, reading), start, start + limit - len(rows))
            rows += [_row(held, amount) for amount, held in others]
        return rows

    def _all(self, wanted: Range, reading: Reading) -> Iterator[tuple[float, bytes]]:
        indexes, first, seeded = self._seeded_part(wanted)
        yield from self._seeded(indexes, first, range(seeded), reading)
        yield from ((amount, _row(held, amount)) for amount, held in self._others(wanted, reading))

    def _seeded_part(self, wanted: Range) -> tuple[Sequence[int], int, int]:
        """The series of the range with seeded points, the first day of these points, and their number."""
        indexes = self._indexes(wanted)
        first = max(wanted.first_day if wanted.first_day is not None else 0, self.grid.first_day)
        last_seeded = self.grid.first_day + self.grid.days - 1
        last = min(wanted.last_day if wanted.last_day is not None else last_seeded, last_seeded)
        return indexes, first, max(0, last - first + 1) * len(indexes)

    def rows(self, reading: Reading) -> Iterator[Row]:
        """Every point that can be read, decoded, also if its value is zero."""
        for encoded in self.page(Range(), 0, self.count(), replace(reading, zero_is_missing=False)):
            yield msgspec.json.decode(encoded)

    def _indexes(self, wanted: Range) -> Sequence[int]:
        if wanted.company_id is None and wanted.dimension_id is None:
            return range(len(self.grid.series))
        key = Range(None, None, wanted.company_id, wanted.dimension_id)
        if key not in self._wanted:
            self._wanted[key] = [index for index, series in enumerate(self.grid.series) if key.wants(series)]
        return self._wanted[key]

    def _seeded(
        self, indexes: Sequence[int], first: int, positions: range, reading: Reading
    ) -> Iterator[tuple[float, bytes]]:
        width = len(indexes)
        position = positions.start
        while position < positions.stop:
            ahead, column = divmod(position, width)
            end = min(width, column + positions.stop - position)
            yield from self._seeded_day(indexes[column:end], first + ahead, reading)
            position += end - column

    def _seeded_day(self, indexes: Sequence[int], day: int, reading: Reading) -> Iterator[tuple[float, bytes]]:
        series, value, over, now = self.grid.series, self.grid.value, self._over, self.clock.seconds()
        prefix, stamp = f'{{"_id":"{_day_id(day)}', f'","time":"{iso_day(day)}","value":'
        for index in indexes:
            one = series[index]
            held = over.get((one.key, day)) if over else None
            amount = reading.value_of(held.readable(now)) if held else value(index, day)
            yield amount, f"{prefix}{index:06x}{stamp}{amount!r}{one.tail}".encode()

    def _others(self, wanted: Range, reading: Reading) -> Iterator[tuple[float, _Day]]:
        now = self.clock.seconds()
        for held in self._extra.values():
            values = held.readable(now) if wanted.holds(held.series, held.day) else None
            if values:
                yield reading.value_of(values), held


def _day_id(day: int) -> str:
    return f"{max(day, 0) * _SECONDS_A_DAY:08x}{_TAG}"


def _point_id(day: int, index: int) -> str:
    return f"{_day_id(day)}{index:06x}"


def _row(held: _Day, amount: float) -> bytes:
    return f'{{"_id":"{held.point_id}","time":"{iso_day(held.day)}","value":{amount!r}{held.series.tail}'.encode()
