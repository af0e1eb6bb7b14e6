"""A source of metric points with a bookmark, for schedules that are interrupted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tests.target_support import lines, schema, state

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from planhat_sandbox import Sandbox

__all__ = ["STREAM", "TODAY", "Cell", "Content", "Point", "Shape", "Source", "content_of"]

STREAM = "metrics"
TODAY = date(2024, 5, 20)

_MODELS = {"Company": "companies", "EndUser": "endusers", "Asset": "assets"}
# Other metrics than those of the seeded tenant, whose days hold values.
_DIMENSIONS = ("seats", "exports.count", "reports_sent")
_DAYS = 25
_COLUMNS = ("dimension_id", "value", "external_id", "model", "date")

Cell = tuple[str, str, str, str]
"""Dimension, model, external id and day."""

Content = tuple[str, str, str, str, float]
"""Dimension, model, external id, time and value. Equal points have equal content."""


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")


def content_of(item: Mapping[str, Any]) -> Content:
    """The content of a point, by the names of Planhat or of the columns."""
    dimension = item["dimensionId"] if "dimensionId" in item else item["dimension_id"]
    external_id = item["externalId"] if "externalId" in item else item["external_id"]
    return (dimension, item["model"], str(external_id), _moment(item["date"]), float(item["value"]))


@dataclass(frozen=True)
class Point:
    """One point of the source.

    Attributes:
        record: As a tap writes it.
        exists: Whether Planhat has its record.
    """

    record: Mapping[str, Any]
    exists: bool

    @property
    def content(self) -> Content:
        """Its content."""
        return content_of(self.record)

    @property
    def cell(self) -> Cell:
        """The place that holds its value, if days are those of UTC."""
        dimension, model, external_id, moment, _ = self.content
        return dimension, model, external_id, moment[:10]

    def as_item(self) -> dict[str, Any]:
        """The point as Planhat takes it."""
        row = self.record
        names = {"dimension_id": "dimensionId", "external_id": "externalId"}
        return {names.get(name, name): value for name, value in row.items()}


@dataclass(frozen=True)
class Shape:
    """What points a source has.

    Attributes:
        number: How many.
        unmatched: Share of the points whose record does not exist.
        same_day: Share of the points for a cell that had a point before.
        equal: Share of the points that are equal to an earlier one.
        zero: Share of the points with the value zero.
        timed: Share of the points with a time of day.
    """

    number: int
    unmatched: float = 0.03
    same_day: float = 0.1
    equal: float = 0.05
    zero: float = 0.02
    timed: float = 0.2

    def with_one_point_for_each_cell(self) -> Shape:
        """The same without points for one day, and without zeros."""
        return replace(self, same_day=0.0, equal=0.0, zero=0.0)


class Source:
    """Points in an order that does not change. A bookmark says how many of them were read."""

    def __init__(self, box: Sandbox, dice: random.Random, shape: Shape) -> None:
        """Draw the points."""
        self._dice = dice
        self._shape = shape
        self._ids = {
            model: sorted({str(row["externalId"]) for row in box.rows(path) if row.get("externalId")})
            for model, path in _MODELS.items()
        }
        self._cells: set[Cell] = set()
        self.points: list[Point] = []
        while len(self.points) < shape.number:
            self._draw()

    def _draw(self) -> None:
        dice, shape = self._dice, self._shape
        place = len(self.points)
        chance = dice.random()
        if self.points and chance < shape.equal:
            self.points.append(dice.choice(self.points[-50:]))
            return
        value: float = 0 if dice.random() < shape.zero else place + 1 + dice.choice([0, 0, 0.5])
        if self.points and chance < shape.equal + shape.same_day:
            self.points.append(self._changed(dice.choice(self.points[-50:]), value))
            return
        exists = dice.random() >= shape.unmatched
        point = Point(self._record(value, exists=exists), exists)
        if point.cell not in self._cells:
            self._cells.add(point.cell)
            self.points.append(point)

    def _record(self, value: float, *, exists: bool) -> dict[str, Any]:
        dice = self._dice
        model = dice.choices(list(_MODELS), [6, 3, 1])[0]
        external_id = dice.choice(self._ids[model])
        if not exists:
            # Also a key of another model.
            external_id = dice.choice([f"nobody-{dice.randrange(9)}", "C-00001" if model != "Company" else "asset-0"])
        day = TODAY - timedelta(days=dice.randint(1, _DAYS))
        time = f"T{dice.randrange(24):02}:{dice.randrange(60):02}:00Z" if dice.random() < self._shape.timed else ""
        row = (dice.choice(_DIMENSIONS), value, external_id, model, f"{day}{time}")
        return dict(zip(_COLUMNS, row, strict=True))

    def _changed(self, point: Point, value: float) -> Point:
        return replace(point, record={**point.record, "value": value})

    def messages(self, first: int, every: int, *, is_sorted: bool) -> list[bytes]:
        """The lines of a tap from a bookmark on, with a STATE after each ``every`` points and at the end.

        A source that is not sorted gives its points in another order each time. Its bookmark moves only at the end:
        each STATE before has the old one, with progress markers, as the Singer SDK writes it.

        Returns:
            Parts of the lines, each up to the next STATE.
        """
        points = self.points[first:]
        if not is_sorted:
            self._dice.shuffle(points)
        parts = [lines([schema(STREAM, _COLUMNS)])]
        for start in range(0, len(points), every):
            rows = points[start : start + every]
            read = start + len(rows)
            done = is_sorted or read == len(points)
            parts.append(lines([*_records(rows), _state(first + read) if done else _unfinished_state(first, read)]))
        return parts if points else [*parts, lines([_state(first)])]


def _state(position: int) -> dict[str, Any]:
    return state({"bookmarks": {STREAM: {"position": position}}})


def _unfinished_state(position: int, read: int) -> dict[str, Any]:
    markers = {"Note": "Progress is not resumable if interrupted.", "replication_key_value": read}
    return state({"bookmarks": {STREAM: {"position": position, "progress_markers": markers}}})


def _records(points: Sequence[Point]) -> list[dict[str, Any]]:
    return [{"type": "RECORD", "stream": STREAM, "record": dict(point.record)} for point in points]
