"""Reads only the rows of a list that changed, newest first (B32).

Planhat has no filter for changed rows (B31), and it is not certain that a list has the requested order (Q3). So the
order is checked row by row, and if it is wrong, the whole list is read.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from planhat_api.lists.descending import UnprovenError
from tap_planhat.records.values import to_moment

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import Page
    from planhat_api.lists.started import StartedList

_CALLS_NEWEST_FIRST = 2
"""The fewest calls that find out with the order newest first that nothing changed: one for each end of the list."""

_FEW = 100
"""Rows to request when searching the few rows without a timestamp."""

_ALL = 100_000
"""The most rows of one answer."""

_NULL = msgspec.Raw(b"null")


class ListReader(Protocol):
    """Reads a list, as ``ListPass`` does."""

    def all_rows(self) -> Iterator[Page]:
        """Every row."""

    def descending(self, by: str, values: Callable[[Page], Sequence[Any]]) -> Iterator[Page]:
        """The rows sorted by a field, highest first."""

    def first_rows(self, sort: str, *, limit: int) -> Page:
        """The first rows in a given order, in one answer."""

    @property
    def is_read(self) -> bool:
        """Whether every row is already there."""

    def start_all_rows(self, after: StartedList | None = None) -> StartedList:
        """Begin to read every row, once another list is read."""

    def start_descending(
        self, by: str, values: Callable[[Page], Sequence[Any]], after: StartedList | None = None
    ) -> StartedList:
        """Begin to read the rows sorted by a field, once another list is read."""

    @property
    def page_size(self) -> int:
        """Rows to request in one call."""

    @property
    def pages_known(self) -> int | None:
        """How many pages the list had in an earlier run; None if that is not known."""


class PassReader(Protocol):
    """Reads one pass over a list.

    Attributes:
        read_whole: Whether the list cannot be read newest first, as far as this or an earlier run found out.
    """

    read_whole: bool

    @property
    def may_start(self) -> bool:
        """Whether the read can begin before the turn of the pass."""

    def start(self, after: StartedList | None = None) -> StartedList:
        """Begin to read before the turn of the pass, but after another list."""

    def pages(self) -> Iterator[Page]:
        """The pages, with only the rows to emit."""


class FullScan:
    """Reads a whole list, whatever its timestamps."""

    read_whole = False

    def __init__(self, rows: ListReader) -> None:
        """Prepare the read."""
        self._rows = rows

    @property
    def may_start(self) -> bool:
        """Whether the read can begin before the turn of the pass."""
        return not self._rows.is_read

    def start(self, after: StartedList | None = None) -> StartedList:
        """Begin to read before the turn of the pass."""
        return self._rows.start_all_rows(after)

    def pages(self) -> Iterator[Page]:
        """Every page."""
        return self._rows.all_rows()


class ChangedRows:
    """Reads the rows of one list that changed at a given time or later, and rows without a timestamp.

    Args:
        rows: Reads the list.
        timestamps: Reads the field with the time of a row's last change.
        bound: Time from which rows count as changed; None for all rows.
        read_whole: Whether an earlier run found out that the list cannot be read newest first.
        logger: The stream's logger.

    Attributes:
        at_start: Latest timestamp of this list before its first row was emitted; None if it is not known.
        newest: Latest timestamp of the rows that were read so far.
        with_timestamp: Number of rows with a timestamp that were read so far; a row may count twice.
        looked_at: Number of rows that were read so far, changed or not.
        read_whole: As above; also if this run finds it out.
    """

    def __init__(
        self,
        rows: ListReader,
        timestamps: Timestamps,
        *,
        bound: datetime | None,
        read_whole: bool = False,
        logger: logging.Logger,
    ) -> None:
        """Prepare the read."""
        self.at_start: datetime | None = None
        self.newest: datetime | None = None
        self.with_timestamp = 0
        self.looked_at = 0
        self.read_whole = read_whole and bound is not None
        self._rows = rows
        self._bound = bound
        self._logger = logger
        self._timestamps = timestamps
        self._emitted: set[str] = set()

    @property
    def may_start(self) -> bool:
        """Whether the read can begin before the turn of the pass."""
        return self._bound is not None or not self._has_many_pages

    def start(self, after: StartedList | None = None) -> StartedList:
        """Begin to read before the turn of the pass."""
        if self._reads_newest_first:
            return self._rows.start_descending(self._timestamps.field, self._timestamps.of, after)
        return self._rows.start_all_rows(after)

    @property
    def _reads_newest_first(self) -> bool:
        """Whether the order newest first needs fewer calls than the whole list, which brings the same rows."""
        few = self._rows.pages_known is not None and self._rows.pages_known <= _CALLS_NEWEST_FIRST
        return self._bound is not None and not few and not self.read_whole

    @property
    def _has_many_pages(self) -> bool:
        return self._rows.pages_known is not None and self._rows.pages_known > 1

    def pages(self) -> Iterator[Page]:
        """Pages that contain only changed rows."""
        if self._bound is None:
            yield from self._every_row()
            return
        if self.read_whole:
            self._logger.info("The whole list is read, because newest first did not show all changes in an earlier run")
        if not self._reads_newest_first:
            for number, page in enumerate(self._full_scan(self._bound)):
                if not number:
                    self.at_start = self._timestamps.first
                yield page
            return
        try:
            last: set[str | None] = set()
            for page in newest_first(self._rows, self._timestamps, self._bound):
                # Rows at the end of a page come again with the next one.
                self.looked_at += len(set(page.ids) - last)
                last = set(page.ids)
                self.at_start = self._timestamps.first
                yield self._emit(self._changed(page, self._bound))
        except UnprovenError as error:
            self._logger.warning(
                "Changed rows cannot be found with the order newest first by %s (%s): reading the whole list instead",
                self._timestamps.field,
                error,
            )
            self.at_start = self._timestamps.first
            self.read_whole = True
            yield from self._full_scan(self._bound)

    def _every_row(self) -> Iterator[Page]:
        """The whole list.

        The latest timestamp at the start is the latest one of the first page, if that page is the whole list. Otherwise
        it is perhaps much too early, and the next run would read many rows again. Then it is worth the calls to ask for
        it and to begin again.
        """
        if not self._has_many_pages:
            pages = self._full_scan(None)
            first = next(pages, None)
            if first is None:
                return
            if len(first) < self._rows.page_size and next(pages, None) is None:
                self.at_start = self._timestamps.first
                yield first
                return
            self.newest, self.with_timestamp = None, 0
        self.at_start = latest_at_front(self._rows, self._timestamps)
        yield from self._full_scan(None)

    def _full_scan(self, bound: datetime | None) -> Iterator[Page]:
        self.looked_at = 0
        for page in self._rows.all_rows():
            self.looked_at += len(page.raw)
            changed = self._changed(page, bound)
            yield self._without_emitted(changed) if self._emitted else changed

    def _emit(self, page: Page) -> Page:
        page = self._without_emitted(page)
        self._emitted.update(key for key in page.ids if key)
        return page

    def _without_emitted(self, page: Page) -> Page:
        ranks = [rank for rank, key in enumerate(page.ids) if key is None or key not in self._emitted]
        return page.at(ranks)

    def _changed(self, page: Page, bound: datetime | None) -> Page:
        timestamps = self._timestamps.of(page)
        self.newest = latest_timestamp(self.newest, self._timestamps.latest(page))
        self.with_timestamp += len(timestamps) - timestamps.count(None)
        if bound is None or all(timestamp is None or timestamp >= bound for timestamp in timestamps):
            return page
        return page.at([rank for rank, timestamp in enumerate(timestamps) if timestamp is None or timestamp >= bound])


def latest_at_front(rows: ListReader, timestamps: Timestamps) -> datetime | None:
    """The latest timestamp of a list, or an earlier one if the list is not sorted. It costs one call."""
    return timestamps.latest(rows.first_rows(f"-{timestamps.field}", limit=_FEW))


def latest_timestamp(*timestamps: datetime | None) -> datetime | None:
    """The latest of several timestamps; None if there is none."""
    return max((timestamp for timestamp in timestamps if timestamp is not None), default=None)


def newest_first(rows: ListReader, timestamps: Timestamps, bound: datetime) -> Iterator[Page]:
    """Pages with at least every row that changed at a given time or later and every row without a timestamp.

    Raises:
        UnprovenError: There may be such rows in the rest of the list.
    """
    front: Page | None = None
    for page in rows.descending(timestamps.field, timestamps.of):
        yield page
        front = front or page
        known = [timestamp for timestamp in timestamps.of(page) if timestamp is not None]
        if known and known[-1] < bound:
            yield _rows_at_end(rows, timestamps, front, oldest=known[-1])
            return


def _rows_at_end(rows: ListReader, timestamps: Timestamps, front: Page, *, oldest: datetime) -> Page:
    """Rows without a timestamp at the end of the list, read as the first rows in the opposite order.

    The opposite order also shows whether the server sorts at all. Otherwise the first rows of an unsorted list could be
    in descending order by chance, with changed rows after them.

    Raises:
        UnprovenError: The list starts with the same rows in both orders, or one answer cannot hold all rows without a
            timestamp.
    """
    for limit in (_FEW, _ALL):
        page = rows.first_rows(timestamps.field, limit=limit)
        found = timestamps.of(page)
        first = next((rank for rank, timestamp in enumerate(found) if timestamp is not None), None)
        if first is not None:
            break
    else:
        message = "one answer cannot hold all rows without this field"
        raise UnprovenError(message)
    shared = min(len(page.ids), len(front.ids))
    same_front = shared > 1 and page.ids[:shared] == front.ids[:shared]
    none_at_both_ends = first > 0 and timestamps.of(front)[0] is None
    is_older = found[first] is None or found[first] <= oldest  # type: ignore[operator]  # the first with a timestamp
    if same_front or none_at_both_ends or not is_older:
        message = "the list starts with the same rows in both orders"
        raise UnprovenError(message)
    return page.at(range(first))


class Timestamps:
    """Reads the field with the time of a row's last change.

    Attributes:
        field: Name of the field.
        first: The latest timestamp in the first page that was read.
    """

    def __init__(self, field: str, now: datetime) -> None:
        """Start before the first page.

        Args:
            field: Its name.
            now: The time of this machine. Timestamps in the future are not used for the bookmark.
        """
        self.field = field
        self.first: datetime | None = None
        self._now = now
        self._last: tuple[Page | None, list[datetime | None]] = (None, [])
        one_field = msgspec.defstruct(
            "Stamp", [("value", msgspec.Raw, msgspec.field(name=field, default=_NULL))], gc=False
        )
        self._row = msgspec.json.Decoder(one_field).decode
        self._moment = msgspec.json.Decoder(datetime).decode

    def of(self, page: Page) -> list[datetime | None]:
        """The timestamp of each row; None if a row has none that can be read."""
        if self._last[0] is not page:
            found = [self._read(self._row(body).value) for body in page.raw]  # type: ignore[attr-defined]
            is_first = self._last[0] is None
            self._last = page, found
            if is_first:
                self.first = self.latest(page)
        return self._last[1]

    def latest(self, page: Page) -> datetime | None:
        """The latest timestamp of a page that is not in the future."""
        return latest_timestamp(
            *(timestamp for timestamp in self.of(page) if timestamp is not None and timestamp <= self._now)
        )

    def _read(self, value: msgspec.Raw) -> datetime | None:
        try:
            moment = self._moment(value)
        except (msgspec.DecodeError, msgspec.ValidationError):
            text = to_moment(msgspec.json.decode(value))
            return self._moment(f'"{text}"') if text else None
        # A date without a time zone is in UTC (B40).
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
