"""Reads a list newest first, and only as far as rows can have changed (B32).

Planhat has no changed-since filter (B31), and whether a list keeps the asked order is not known for sure (Q3): so the
order is checked row by row, and a full scan takes over where it does not hold.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from planhat_api.lists.falling import UnprovenError
from tap_planhat.records.values import to_moment

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api import Page

_FEW = 100
"""Rows to ask for when looking for the few rows without a stamp."""

_ALL = 100_000
"""As many rows as one answer can hold."""

_NULL = msgspec.Raw(b"null")


class Rows(Protocol):
    """Reads a list, as ``ListPass`` does."""

    def whole(self) -> Iterator[Page]:
        """Every row."""

    def falling(self, field: str, values: Callable[[Page], Sequence[Any]]) -> Iterator[Page]:
        """The rows by a field, highest first."""

    def front(self, sort: str, *, limit: int) -> Page:
        """The first rows in some order, in one answer."""


class Reading(Protocol):
    """One pass over a list."""

    def pages(self) -> Iterator[Page]:
        """The pages, with only the rows to emit."""


class WholeList:
    """A full scan, whatever the stamps."""

    def __init__(self, rows: Rows) -> None:
        """Prepare the read."""
        self._rows = rows

    def pages(self) -> Iterator[Page]:
        """Every page."""
        return self._rows.whole()


class Changes:
    """The rows of one list that changed at a moment or later, ties and rows without a stamp included.

    Args:
        rows: Reads the list.
        stamps: Reads the field that tells a row's last change.
        bound: Moment from which rows count as changed; None for all rows.
        logger: The stream's logger.

    Attributes:
        at_start: Latest stamp that was there before the first row of this list was handed out; None where none is
            known.
        newest: Latest stamp among the rows looked at so far.
        stamped: Rows with a stamp among those looked at so far, the same row perhaps counted twice.
        looked_at: Rows that were looked at so far, whether they changed or not.
    """

    def __init__(self, rows: Rows, stamps: Stamps, *, bound: datetime | None, logger: logging.Logger) -> None:
        """Prepare the read."""
        self.at_start: datetime | None = None
        self.newest: datetime | None = None
        self.stamped = 0
        self.looked_at = 0
        self._rows = rows
        self._bound = bound
        self._logger = logger
        self._stamps = stamps
        self._handed_out: set[str] = set()

    def pages(self) -> Iterator[Page]:
        """Pages that hold only changed rows."""
        if self._bound is None:
            for number, page in enumerate(self._full_scan(None)):
                if not number:
                    self.at_start = self._stamps.latest(page)
                yield page
            return
        try:
            last: set[str | None] = set()
            for page in newest_first(self._rows, self._stamps, self._bound):
                # Rows at the edge of a page come again with the next one.
                self.looked_at += len(set(page.ids) - last)
                last = set(page.ids)
                self.at_start = self._stamps.first
                yield self._handed_out_now(self._changed(page, self._bound))
        except UnprovenError as error:
            self._logger.warning(
                "What changed cannot be told from the order newest first by %s (%s): reading the whole list instead",
                self._stamps.field,
                error,
            )
            self.at_start = self._stamps.first
            yield from self._full_scan(self._bound)

    def _full_scan(self, bound: datetime | None) -> Iterator[Page]:
        self.looked_at = 0
        for page in self._rows.whole():
            self.looked_at += len(page.raw)
            changed = self._changed(page, bound)
            yield self._without_handed_out(changed) if self._handed_out else changed

    def _handed_out_now(self, page: Page) -> Page:
        page = self._without_handed_out(page)
        self._handed_out.update(key for key in page.ids if key)
        return page

    def _without_handed_out(self, page: Page) -> Page:
        ranks = [rank for rank, key in enumerate(page.ids) if key is None or key not in self._handed_out]
        return page.at(ranks)

    def _changed(self, page: Page, bound: datetime | None) -> Page:
        stamps = self._stamps.of(page)
        self.newest = latest_stamp(self.newest, self._stamps.latest(page))
        self.stamped += len(stamps) - stamps.count(None)
        if bound is None or all(stamp is None or stamp >= bound for stamp in stamps):
            return page
        return page.at([rank for rank, stamp in enumerate(stamps) if stamp is None or stamp >= bound])


def latest_at_front(rows: Rows, stamps: Stamps) -> datetime | None:
    """The latest stamp there is, if the list can be sorted; never a later one. It costs one call."""
    return stamps.latest(rows.front(f"-{stamps.field}", limit=_FEW))


def latest_stamp(*stamps: datetime | None) -> datetime | None:
    """The latest of some moments; None when there is none."""
    return max((stamp for stamp in stamps if stamp is not None), default=None)


def newest_first(rows: Rows, stamps: Stamps, bound: datetime) -> Iterator[Page]:
    """Pages that hold every row that changed at a moment or later and every row without a stamp, among others.

    Raises:
        UnprovenError: What was not handed out may hold such rows.
    """
    front: Page | None = None
    for page in rows.falling(stamps.field, stamps.of):
        yield page
        front = front or page
        known = [stamp for stamp in stamps.of(page) if stamp is not None]
        if known and known[-1] < bound:
            yield _other_end(rows, stamps, front, oldest=known[-1])
            return


def _other_end(rows: Rows, stamps: Stamps, front: Page, *, oldest: datetime) -> Page:
    """Rows without a stamp that stand at the end of the list, read as its front the other way round.

    That view also shows whether the server sorts at all: a list whose first rows happen to fall could hide changed rows
    further down.

    Raises:
        UnprovenError: The list looks the same from both ends, or more rows than one answer holds have no stamp.
    """
    for limit in (_FEW, _ALL):
        page = rows.front(stamps.field, limit=limit)
        found = stamps.of(page)
        first = next((rank for rank, stamp in enumerate(found) if stamp is not None), None)
        if first is not None:
            break
    else:
        message = "more rows than one answer holds have none"
        raise UnprovenError(message)
    shared = min(len(page.ids), len(front.ids))
    same_front = shared > 1 and page.ids[:shared] == front.ids[:shared]
    none_at_both_ends = first > 0 and stamps.of(front)[0] is None
    is_older = found[first] is None or found[first] <= oldest  # type: ignore[operator]  # the first with a stamp
    if same_front or none_at_both_ends or not is_older:
        message = "the list looks the same from both ends"
        raise UnprovenError(message)
    return page.at(range(first))


class Stamps:
    """Reads the field that tells a row's last change.

    Attributes:
        field: Its name.
        first: The latest stamp in the first answer that was looked at.
    """

    def __init__(self, field: str, now: datetime) -> None:
        """Look at nothing yet.

        Args:
            field: Its name.
            now: The time by this machine's clock. Stamps from the future tell nothing of when rows were read.
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
        """The stamp of each row; None where there is none that can be read."""
        if self._last[0] is not page:
            found = [self._read(self._row(body).value) for body in page.raw]  # type: ignore[attr-defined]
            is_first = self._last[0] is None
            self._last = page, found
            if is_first:
                self.first = self.latest(page)
        return self._last[1]

    def latest(self, page: Page) -> datetime | None:
        """The latest stamp of a page that does not lie in the future."""
        return latest_stamp(*(stamp for stamp in self.of(page) if stamp is not None and stamp <= self._now))

    def _read(self, value: msgspec.Raw) -> datetime | None:
        try:
            moment = self._moment(value)
        except (msgspec.DecodeError, msgspec.ValidationError):
            text = to_moment(msgspec.json.decode(value))
            return self._moment(f'"{text}"') if text else None
        # A moment without a zone is one in UTC (B40).
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
