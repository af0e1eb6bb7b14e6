"""Stores dimension data with one value per record, metric and day (B82)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import msgspec

from planhat_sandbox.clock import iso_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_sandbox.store import Row

__all__ = ["COMBINE", "Grid", "Points", "Range", "Series"]

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


@dataclass
class _Pushed:
    """Values that were pushed for one record, metric and day, each with the time from which lists return it."""

    point_id: str
    series: Series
    day: int
    values: list[tuple[float, float]]

    def readable(self, now: float) -> list[float]:
        return [value for moment, value in self.values if moment <= now]


class Points:
    """All points of the tenant. Callers hold the lock of the store."""

    def __init__(self, grid: Grid) -> None:
        """Take the seeded points."""
        self._grid = grid
        # Values that were pushed for a seeded point, by series and day.
        self._over: dict[tuple[Key, int], _Pushed] = {}
        # Values that were pushed for other points, in the order of their arrival.
        self._extra: dict[tuple[Key, int], _Pushed] = {}
        self._wanted: dict[Range, list[int]] = {}
        self.accepted: list[Row] = []
        self.landed: list[Row] = []
        self.dropped: list[Row] = []

    @cached_property
    def _indexes_of_series(self) -> dict[Key, int]:
        return {series.key: index for index, series in enumerate(self._grid.series)}

    def add(self, series: Series, day: int, value: float, delay: float) -> None:
        """Store one pushed value. Lists return it after ``delay`` seconds."""
        key = (series.key, day)
        index = self._indexes_of_series.get(series.key)
        seeded = index is not None and 0 <= day - self._grid.first_day < self._grid.days
        target = self._over if seeded else self._extra
        if key not in target:
            start = [(0.0, self._grid.value(index, day))] if seeded and index is not None else []
            point_id = _point_id(day, index if index is not None else len(self._indexes_of_series) + len(self._extra))
            target[key] = _Pushed(point_id, series, day, start)
        target[key].values.append((time.monotonic() + delay, value))

    def count(self) -> int:
        """Number of points that a list without parameters returns."""
        now = time.monotonic()
        seeded = self._grid.days * len(self._grid.series)
        return seeded + sum(1 for pushed in self._extra.values() if pushed.readable(now))

    def page(self, wanted: Range, offset: int, limit: int, combine: str) -> list[bytes]:
        """Encoded rows: the seeded points by day, then the others in the order of their arrival."""
        indexes = self._indexes(wanted)
        first = max(wanted.first_day if wanted.first_day is not None else 0, self._grid.first_day)
        last_seeded = self._grid.first_day + self._grid.days - 1
        last = min(wanted.last_day if wanted.last_day is not None else last_seeded, last_seeded)
        seeded = max(0, last - first + 1) * len(indexes)
        rows = list(self._seeded(indexes, first, range(offset, min(offset + limit, seeded)), combine))
        if len(rows) < limit:
            others = list(self._others(wanted, combine))
            start = max(0, offset - seeded)
            rows += others[start : start + limit - len(rows)]
        return rows

    def rows(self, combine: str) -> Iterator[Row]:
        """Every point that a list without parameters returns, decoded."""
        for encoded in self.page(Range(), 0, self.count(), combine):
            yield msgspec.json.decode(encoded)

    def _indexes(self, wanted: Range) -> Sequence[int]:
        if wanted.company_id is None and wanted.dimension_id is None:
            return range(len(self._grid.series))
        key = Range(None, None, wanted.company_id, wanted.dimension_id)
        if key not in self._wanted:
            self._wanted[key] = [index for index, series in enumerate(self._grid.series) if key.wants(series)]
        return self._wanted[key]

    def _seeded(self, indexes: Sequence[int], first: int, positions: range, combine: str) -> Iterator[bytes]:
        width = len(indexes)
        position = positions.start
        while position < positions.stop:
            ahead, column = divmod(position, width)
            end = min(width, column + positions.stop - position)
            yield from self._seeded_day(indexes[column:end], first + ahead, combine)
            position += end - column

    def _seeded_day(self, indexes: Sequence[int], day: int, combine: str) -> Iterator[bytes]:
        series, value, over, now = self._grid.series, self._grid.value, self._over, time.monotonic()
        prefix, stamp = f'{{"_id":"{_day_id(day)}', f'","time":"{iso_day(day)}","value":'
        for index in indexes:
            one = series[index]
            pushed = over.get((one.key, day)) if over else None
            amount = COMBINE[combine](pushed.readable(now)) if pushed else value(index, day)
            yield f"{prefix}{index:06x}{stamp}{amount!r}{one.tail}".encode()

    def _others(self, wanted: Range, combine: str) -> Iterator[bytes]:
        now = time.monotonic()
        for pushed in self._extra.values():
            values = pushed.readable(now)
            if values and wanted.holds(pushed.series, pushed.day):
                yield _encoded(pushed.point_id, pushed.day, COMBINE[combine](values), pushed.series)


def _day_id(day: int) -> str:
    return f"{max(day, 0) * _SECONDS_A_DAY:08x}{_TAG}"


def _point_id(day: int, index: int) -> str:
    return f"{_day_id(day)}{index:06x}"


def _encoded(point_id: str, day: int, value: float, series: Series) -> bytes:
    return f'{{"_id":"{point_id}","time":"{iso_day(day)}","value":{value!r}{series.tail}'.encode()
