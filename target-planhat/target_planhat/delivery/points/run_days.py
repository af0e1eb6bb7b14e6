"""Keeps what the run sent for each day, and what the day held before, in a private temporary file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from planhat_api import TemporaryFileError
from target_planhat.delivery.points.existing_days import DayState
from target_planhat.delivery.points.stored_items import StoredItems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from planhat_api.points.point import Slot
    from planhat_api.points.windows import Window
    from target_planhat.delivery.points.point_rows import PointRow
    from target_planhat.rows.item import Item

__all__ = ["AuditedDay", "RunDays"]

_AT_ONCE = 2_000
_CACHE = 16 * 1024  # KiB
_TABLES = """
create table days (
  place integer primary key, slot blob not null unique, dimension integer not null, day integer not null, before real,
  is_known integer not null, shown real, verdict integer
);
create table points (place integer primary key, slot blob not null, sent real, wanted real, at real, item blob);
create index points_by_slot on points (slot);
create temp table asked (slot blob primary key) without rowid;
"""


class AuditedDay(NamedTuple):
    """A day that the run wrote to, for the audit.

    Attributes:
        place: Identifies it.
        before: What it held before the run; None for nothing.
        is_known: Whether it is known what it held.
        shown: What it showed when it was read; None for nothing.
        verdict: What was found out about it; None if it is still open.
        values: What Planhat accepted for it, in the order of sending.
        points: How many of them are points of this run, or of an earlier one whose input this run read again.
        at: When the last of it was sent, in seconds since 1970-01-01.
    """

    place: int
    before: float | None
    is_known: bool
    shown: float | None
    verdict: int | None
    values: list[float]
    at: float
    points: int


class RunDays:
    """The days that the run writes to. One thread at a time may use it. All methods may raise ``TemporaryFileError``.

    Memory stays flat, because the days are in a temporary file without a name, which is deleted when it is closed.
    """

    def __init__(self, *, keeps_items: bool) -> None:
        """Create the file.

        Args:
            keeps_items: Whether the rows of the points are kept too.
        """
        self._items = StoredItems() if keeps_items else None
        self.dimensions: dict[str, int] = {}
        with _file_errors():
            self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._file.execute(f"pragma cache_size = -{_CACHE}")
            self._file.execute("pragma journal_mode = off")
            self._file.execute("pragma synchronous = off")
            self._file.executescript(_TABLES)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def states(self, slots: Iterable[Slot]) -> dict[Slot, DayState]:
        """The states of these days, as far as the run wrote to them."""
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany("insert or ignore into asked values (?)", ((slot,) for slot in slots))
            days = self._file.execute(
                "select days.slot, before, is_known from asked join days on days.slot = asked.slot"
            ).fetchall()
            found = {slot: DayState(before, bool(is_known)) for slot, before, is_known in days}
            if found:
                points = self._file.execute(
                    "select points.slot, sent, wanted, at from asked join points on points.slot = asked.slot "
                    "order by place"
                )
                for slot, sent, wanted, at in points:
                    state = found[slot]
                    if sent is not None:
                        state.sent.append(sent)
                        state.sent_at = max(state.sent_at, at)
                    if wanted is not None:
                        state.wanted.append(wanted)
            self._file.execute("delete from asked")
            self._file.execute("commit")
        return found

    def note_days(self, days: Iterable[tuple[PointRow, DayState]]) -> None:
        """Note what days held before, unless it is noted already. Each comes with one of its points."""
        rows = (
            (row.slot, self._number(row.point.dimension_id), row.day, state.before, state.is_known)
            for row, state in days
        )
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany(
                "insert or ignore into days (slot, dimension, day, before, is_known) values (?, ?, ?, ?, ?)", rows
            )
            self._file.execute("commit")

    def _number(self, dimension: str) -> int:
        return self.dimensions.setdefault(dimension, len(self.dimensions))

    def note_points(self, points: Iterable[tuple[Slot, float | None, float | None, Item | None]], at: float) -> None:
        """Note points of noted days.

        Args:
            points: For each the place of its value, the value that Planhat accepted for it, the value in the input
                (None if there is none), and its row; None if it is not known.
            at: When they were sent, in seconds since 1970-01-01.
        """
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany(
                "insert into points (slot, sent, wanted, item, at) values (?, ?, ?, ?, ?)",
                (
                    (slot, sent, wanted, None if sent is None else self._packed(item), at)
                    for slot, sent, wanted, item in points
                ),
            )
            self._file.execute("commit")

    def _packed(self, item: Item | None) -> bytes | None:
        return None if item is None or self._items is None else self._items.pack(item)

    def note_replayed(self, slot: Slot, sent: float | None, wanted: float, item: Item) -> None:
        """Note the row of a point that an earlier run sent.

        Args:
            slot: The place of its value.
            sent: The value that was sent; None if it went along with another point.
            wanted: The value in the input.
            item: The row.
        """
        with _file_errors():
            self._file.execute(
                "update points set wanted = ?, item = ? where place = (select min(place) from points "
                "where slot = ? and sent is ? and wanted is null and sent is not null)",
                (wanted, self._packed(item), slot, sent),
            )
            if sent is None:
                self._file.execute("insert into points (slot, wanted, at) values (?, ?, 0)", (slot, wanted))

    def note_unclear(self, slots: Iterable[Slot]) -> None:
        """Note that it is no longer known what these days hold, because a call for them may have arrived."""
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany("update days set is_known = 0 where slot = ?", ((slot,) for slot in slots))
            self._file.execute("commit")

    # Audit

    @property
    def last_sent(self) -> tuple[str, float] | None:
        """The metric of the point that was sent last, and when that was; None if no point was sent."""
        with _file_errors():
            # With max(), the other columns are those of the row that has it.
            row = self._file.execute(
                "select dimension, max(at) from points join days on days.slot = points.slot where sent is not null"
            ).fetchone()
        return None if row[1] is None else ([*self.dimensions][row[0]], row[1])

    def open_days(self, dimension: str) -> dict[int, int]:
        """The days of a metric that are still open, with the number of their places."""
        with _file_errors():
            rows = self._file.execute(
                "select day, count(*) from days where dimension = ? and verdict is null and slot in "
                "(select slot from points where sent is not null) group by day",
                (self.dimensions[dimension],),
            ).fetchall()
        return dict(rows)

    def note_shown(self, values: Iterable[tuple[Slot, float]]) -> None:
        """Note what days show."""
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany("update days set shown = ?2 where slot = ?1 and shown is not ?2", values)
            self._file.execute("commit")

    def audited(self, dimension: str, *, is_open: bool, window: Window | None = None) -> Iterator[list[AuditedDay]]:
        """The days of a metric to which points were sent, some at once.

        Args:
            dimension: The metric.
            is_open: Whether only those without a verdict are wanted.
            window: Only these days; None for all.
        """
        where = "and verdict is null" if is_open else ""
        if window is not None:
            where += f" and day between {window.first:d} and {window.last:d}"
        query = (
            f"select place, slot, before, is_known, shown, verdict from days "  # noqa: S608 # fixed texts
            f"where dimension = ? and place > ? {where} order by place limit {_AT_ONCE}"
        )
        last = 0
        while True:
            with _file_errors():
                days = self._file.execute(query, (self.dimensions[dimension], last)).fetchall()
                sent = self._sent_to([slot for _, slot, *_ in days])
            if not days:
                return
            last = days[-1][0]
            yield [
                AuditedDay(place, before, bool(is_known), shown, verdict, *sent[slot])
                for place, slot, before, is_known, shown, verdict in days
                if slot in sent
            ]

    def _sent_to(self, slots: Sequence[Slot]) -> dict[Slot, tuple[list[float], float, int]]:
        marks = ", ".join("?" * len(slots))
        query = (
            f"select slot, sent, at, wanted is not null or item is not null from points "  # noqa: S608 # marks
            f"where sent is not null and slot in ({marks}) order by place"
        )
        found: dict[Slot, tuple[list[float], float, int]] = {}
        for slot, sent, at, is_of_input in self._file.execute(query, slots):
            values, latest, number = found.get(slot, ([], 0.0, 0))
            values.append(sent)
            found[slot] = values, max(at, latest), number + is_of_input
        return found

    def note_verdicts(self, verdicts: Iterable[tuple[int, int]]) -> None:
        """Note what was found out about days, by their places."""
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany("update days set verdict = ?2 where place = ?1", verdicts)
            self._file.execute("commit")

    def day_of(self, place: int) -> int:
        """The day of a place, counted since 1970-01-01."""
        with _file_errors():
            ((day,),) = self._file.execute("select day from days where place = ?", (place,))
        return int(day)

    def items_of(self, place: int) -> list[tuple[float, Item]]:
        """The points that were sent to a day: their values and their rows, as far as these were kept."""
        if self._items is None:
            return []
        with _file_errors():
            rows = self._file.execute(
                "select sent, item from points "
                "where item is not null and slot = (select slot from days where place = ?) order by place",
                (place,),
            ).fetchall()
        return [(sent, self._items.unpack(item)) for sent, item in rows]

    def settled_days(self, dimension: str, landed: Sequence[int]) -> list[tuple[str, int]]:
        """The days of a metric of which all places have one of these verdicts, with the metric."""
        marks = ", ".join("?" * len(landed))
        query = (
            f"select day from days where dimension = ? group by day "  # noqa: S608 # marks
            f"having sum(verdict is null or verdict not in ({marks})) = 0"
        )
        with _file_errors():
            rows = self._file.execute(query, (self.dimensions[dimension], *landed)).fetchall()
        return [(dimension, day) for (day,) in rows]


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        msg = f"The temporary file with the days of the run cannot be used: {error}"
        raise TemporaryFileError(msg) from error
