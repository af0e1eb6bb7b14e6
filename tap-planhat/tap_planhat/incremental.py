"""Reads a list newest first, and only as far as rows can have changed (B32).

Planhat has no changed-since filter (B31), and whether a list keeps the asked order is not known for sure (Q3): so the
order is checked row by row, and a full scan takes over where it does not hold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

import msgspec

from tap_planhat.values import to_moment

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from planhat_api import Page

_FULL_SCAN = "_id"
_FEW = 100
"""Rows a page when looking for the few rows without a stamp."""

_NULL = msgspec.Raw(b"null")


class ListPages(Protocol):
    """Reads a list, page by page."""

    def __call__(self, *, sort: str, limit: int | None = None) -> Iterator[Page]:
        """Start a read in the given order."""


class Reading(Protocol):
    """One pass over a list.

    Attributes:
        newest: Latest stamp among the rows handed out so far; None where stamps are not looked at.
    """

    newest: datetime | None

    def pages(self) -> Iterator[Page]:
        """The pages, with only the rows to emit."""


class WholeList:
    """A full scan, whatever the stamps."""

    newest: datetime | None = None

    def __init__(self, list_pages: ListPages) -> None:
        """Prepare the read."""
        self._list_pages = list_pages

    def pages(self) -> Iterator[Page]:
        """Every page."""
        return self._list_pages(sort=_FULL_SCAN)


class Changes:
    """The rows of one list that changed at a moment or later, ties and rows without a stamp included.

    Args:
        list_pages: Starts a read of the list.
        field: Name of the field that tells a row's last change.
        bound: Moment from which rows count as changed; None for all rows.
        logger: The stream's logger.

    Attributes:
        newest: Latest stamp among the rows handed out so far.
    """

    def __init__(self, list_pages: ListPages, field: str, *, bound: datetime | None, logger: logging.Logger) -> None:
        """Prepare the read."""
        self.newest: datetime | None = None
        self._list_pages = list_pages
        self._field = field
        self._bound = bound
        self._logger = logger
        self._stamps = _Stamps(field)
        self._handed_out: set[str] = set()

    def pages(self) -> Iterator[Page]:
        """Pages that hold only changed rows."""
        if self._bound is None:
            yield from self._full_scan(None)
            return
        try:
            yield from self._newest_first(self._bound)
        except _OrderError:
            self._logger.warning(
                "Planhat did not keep the order newest first by %s: reading the whole list instead", self._field
            )
            yield from self._full_scan(self._bound)

    def _newest_first(self, bound: datetime) -> Iterator[Page]:
        order = _Order()
        for page in self._list_pages(sort=f"-{self._field}"):
            stamps = self._stamps.of(page)
            order.check(page, stamps)
            yield self._handed_out_now(self._changed(page, stamps, bound))
            if any(stamp is not None and stamp < bound for stamp in stamps):
                yield from self._from_the_other_end(order)
                return

    def _from_the_other_end(self, order: _Order) -> Iterator[Page]:
        """Rows without a stamp that stand at the end of the list, read as its front the other way round.

        That view also shows whether the server sorts at all: a list whose first rows happen to descend could hide
        changed rows further down.
        """
        for number, page in enumerate(self._list_pages(sort=self._field, limit=_FEW)):
            stamps = self._stamps.of(page)
            if not number:
                order.check_other_end(page, stamps)
            rows = next((rank for rank, stamp in enumerate(stamps) if stamp is not None), len(stamps))
            yield self._handed_out_now(_at(page, range(rows)))
            if rows < len(stamps):
                return

    def _full_scan(self, bound: datetime | None) -> Iterator[Page]:
        for page in self._list_pages(sort=_FULL_SCAN):
            changed = self._changed(page, self._stamps.of(page), bound)
            yield self._without_handed_out(changed) if self._handed_out else changed

    def _handed_out_now(self, page: Page) -> Page:
        page = self._without_handed_out(page)
        self._handed_out.update(key for key in page.ids if key)
        return page

    def _without_handed_out(self, page: Page) -> Page:
        ranks = [rank for rank, key in enumerate(page.ids) if key is None or key not in self._handed_out]
        return page if len(ranks) == len(page.ids) else _at(page, ranks)

    def _changed(self, page: Page, stamps: Sequence[datetime | None], bound: datetime | None) -> Page:
        known = [stamp for stamp in stamps if stamp is not None]
        self.newest = max((*known, *([self.newest] if self.newest else [])), default=None)
        if bound is None or all(stamp >= bound for stamp in known):
            return page
        return _at(page, [rank for rank, stamp in enumerate(stamps) if stamp is None or stamp >= bound])


def _at(page: Page, ranks: Sequence[int]) -> Page:
    """A page with only the rows at these ranks."""
    return replace(page, raw=[page.raw[rank] for rank in ranks], ids=[page.ids[rank] for rank in ranks])


class _OrderError(Exception):
    """The list does not descend."""


class _Order:
    """Checks that stamps descend and that rows without one stand together at one end of the list."""

    def __init__(self) -> None:
        self._unstamped_first = False
        self._oldest: datetime | None = None
        self._ended = False
        self._front: Sequence[str | None] = ()

    def check(self, page: Page, stamps: Sequence[datetime | None]) -> None:
        """Take in the next page.

        Raises:
            _OrderError: It does not go on in order.
        """
        self._front = self._front or page.ids
        for stamp in stamps:
            if stamp is None:
                self._ended = self._oldest is not None
                self._unstamped_first = not self._ended
            elif self._ended or (self._oldest is not None and stamp > self._oldest):
                raise _OrderError
            else:
                self._oldest = stamp

    def check_other_end(self, page: Page, stamps: Sequence[datetime | None]) -> None:
        """Compare with the first page of the same list in ascending order.

        Raises:
            _OrderError: The list looks the same from both ends, so the server did not sort it.
        """
        first = next((stamp for stamp in stamps if stamp is not None), None)
        unstamped_at_both_ends = self._unstamped_first and bool(stamps) and stamps[0] is None
        not_older = first is not None and self._oldest is not None and first > self._oldest
        shared = min(len(page.ids), len(self._front))
        same_front = shared > 1 and page.ids[:shared] == self._front[:shared]
        if unstamped_at_both_ends or not_older or same_front:
            raise _OrderError


class _Stamps:
    """Reads the field that tells a row's last change."""

    def __init__(self, field: str) -> None:
        one_field = msgspec.defstruct(
            "Stamp", [("value", msgspec.Raw, msgspec.field(name=field, default=_NULL))], gc=False
        )
        self._row = msgspec.json.Decoder(one_field).decode
        self._moment = msgspec.json.Decoder(datetime).decode

    def of(self, page: Page) -> list[datetime | None]:
        """The stamp of each row; None where there is none that can be read."""
        return [self._read(self._row(body).value) for body in page.raw]  # type: ignore[attr-defined]

    def _read(self, value: msgspec.Raw) -> datetime | None:
        try:
            moment = self._moment(value)
        except (msgspec.DecodeError, msgspec.ValidationError):
            text = to_moment(msgspec.json.decode(value))
            return self._moment(f'"{text}"') if text else None
        return moment.astimezone(timezone.utc) if moment and moment.tzinfo else None
