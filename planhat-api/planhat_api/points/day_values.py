"""Keeps what days hold in a private temporary file, to look up the days of many points."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import UNSET

from planhat_api.errors import TemporaryFileError
from planhat_api.points.point import COMPANY, day_of_point, held_points, slot_of
from planhat_api.points.windows import ROWS_PER_PAGE, Window, windows
from planhat_api.values.invalid import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from planhat_api.lists.page import Page
    from planhat_api.points.point import HeldPoint, Slot

    ExternalIdOf = Callable[[str, str], str | None]

__all__ = ["DayReader", "DayValues", "read_days"]

_AT_ONCE = 10_000
_CACHE = 16 * 1024  # KiB
_MOST_DAYS = 366
"""So many days more are read at most if they fit into the same answer."""


class _Range(NamedTuple):
    """A range of days that was read.

    Attributes:
        window: The days.
        taken_at: When they were read.
        models: The models whose records were kept.
    """

    window: Window
    taken_at: float
    models: frozenset[str]


class DayReader(Protocol):
    """The part of the client that reads metrics."""

    def dimension_data(
        self, *, first_day: int, last_day: int, dimension_id: str | None = None, limit: int | None = None
    ) -> Iterator[Page]:
        """The points of a metric in a range of days, page by page."""


def read_days(
    reader: DayReader, dimension_id: str, window: Window, external_id_of: ExternalIdOf
) -> Iterator[list[tuple[Slot, float]]]:
    """What a metric holds in a range of days. Points of records without an external id are left out.

    Args:
        reader: The client.
        dimension_id: The metric.
        window: The days.
        external_id_of: Gives the external id of a record from the name of its model and its ``_id``.

    Yields:
        Places and their values, some thousands at once.
    """
    pages = reader.dimension_data(
        first_day=window.first, last_day=window.last, dimension_id=dimension_id, limit=ROWS_PER_PAGE
    )
    days: dict[str, int] = {}
    for page in pages:
        for start in range(0, len(page.raw), _AT_ONCE):
            yield list(_values(held_points(page.raw[start : start + _AT_ONCE]), days, external_id_of))


def _values(
    points: Iterable[HeldPoint], days: dict[str, int], external_id_of: ExternalIdOf
) -> Iterator[tuple[Slot, float]]:
    """The places of these points and their values. ``days`` keeps the days of the times that were read."""
    for point in points:
        if point.time is UNSET or point.value is UNSET or point.parent_id is UNSET or point.dimension_id is UNSET:
            continue
        if point.time not in days:
            try:
                days[point.time] = day_of_point(point.time)
            except InvalidValueError:
                continue
        model = COMPANY if point.model is UNSET else point.model
        external_id = external_id_of(model, point.parent_id)
        if external_id is not None:
            yield slot_of(point.dimension_id, model, external_id, days[point.time]), point.value


class DayValues:
    """What days held when they were read. One thread at a time may use it.

    Memory stays flat, because the values are in a temporary file without a name, which is deleted when it is closed.
    All methods may raise ``TemporaryFileError``.
    """

    def __init__(
        self, reader: DayReader, external_id_of: ExternalIdOf, clock: Callable[[], float], most_seconds: float
    ) -> None:
        """Create the file.

        Args:
            reader: The client.
            external_id_of: As for ``read_days``.
            clock: Gives the time in seconds.
            most_seconds: Age of a value at most. Older ones are read again.
        """
        self._reader = reader
        self._external_id_of = external_id_of
        self._clock = clock
        self._most_seconds = most_seconds
        self._read: dict[str, list[_Range]] = defaultdict(list)
        self._per_day: dict[str, float] = {}
        with _file_errors():
            self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._file.execute(f"pragma cache_size = -{_CACHE}")
            self._file.execute("pragma journal_mode = off")
            self._file.execute("pragma synchronous = off")
            self._file.execute("create table held (slot blob primary key, value real) without rowid")
            self._file.execute("create temp table wanted (place integer primary key, slot blob)")

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def look(self, dimension_id: str, models: Collection[str], days: Iterable[int], records: int) -> int:
        """Read the days of a metric that are not known yet.

        Args:
            dimension_id: The metric.
            models: The models whose records are needed.
            days: The days.
            records: How many records have points for these days.

        Returns:
            The number of ranges that were read.
        """
        oldest = self._clock() - self._most_seconds
        fresh = self._read[dimension_id] = [known for known in self._read[dimension_id] if known.taken_at >= oldest]
        wanted = frozenset(models)
        usable = [known.window for known in fresh if wanted <= known.models]
        missing = {day for day in days if not any(day in window for window in usable)}
        if not missing:
            return 0
        per_day = max(self._per_day.get(dimension_id, 0.0), float(records))
        found = windows(missing, per_day)
        for window in found:
            longer = self._extended(dimension_id, window)
            # The days beside them may be those of the points, if days end by another clock (Q26).
            wider = Window(longer.first - 1, longer.last + 1)
            taken_at = self._clock()
            number = self._add(dimension_id, wider)
            density = number / (wider.last - wider.first + 1)
            self._per_day[dimension_id] = max(density, self._per_day.get(dimension_id, 0.0))
            self._read[dimension_id].append(_Range(wider, taken_at, wanted))
        return len(found)

    def _extended(self, dimension_id: str, window: Window) -> Window:
        """A range with the days after or before it that fit into the same answer, if the input goes in that direction.

        The points of a table are often in the order of their days, so that each batch needs the next days.
        """
        read = self._read[dimension_id]
        if not read:
            return window
        room = int(ROWS_PER_PAGE / max(self._per_day.get(dimension_id, 1.0), 1.0)) - (window.last - window.first + 1)
        if room <= 0:
            return window
        room = min(room, _MOST_DAYS)
        if all(window.first > known.window.last for known in read):
            return Window(window.first, window.last + room)
        if all(window.last < known.window.first for known in read):
            return Window(window.first - room, window.last)
        return window

    def _add(self, dimension_id: str, window: Window) -> int:
        number = 0
        for found in read_days(self._reader, dimension_id, window, self._external_id_of):
            number += len(found)
            with _file_errors():
                self._file.execute("begin")
                self._file.executemany("insert or replace into held values (?, ?)", found)
                self._file.execute("commit")
        return number

    def of(self, slots: Sequence[Slot]) -> list[float | None]:
        """What these places held when they were read; None for nothing."""
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany("insert into wanted values (?, ?)", enumerate(slots))
            rows = self._file.execute(
                "select held.value from wanted left join held on held.slot = wanted.slot order by wanted.place"
            ).fetchall()
            self._file.execute("delete from wanted")
            self._file.execute("commit")
        return [value for (value,) in rows]


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        msg = f"The temporary file with the values that Planhat holds cannot be used: {error}"
        raise TemporaryFileError(msg) from error
