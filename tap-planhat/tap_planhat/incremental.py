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
        stopped = False
        for page in self._list_pages(sort=f"-{self._field}"):
            stamps = self._stamps.of(page)
            order.check(stamps)
            yield self._changed(page, stamps, bound)
            stopped = any(stamp is not None and stamp < bound for stamp in stamps)
            if stopped:
                break
        if stopped and not order.unstamped:
            yield from self._unstamped()

    def _unstamped(self) -> Iterator[Page]:
        """Rows without a stamp, which stand at the end of the list newest first: at the front the other way round."""
        for page in self._list_pages(sort=self._field, limit=_FEW):
            stamps = self._stamps.of(page)
            rows = next((rank for rank, stamp in enumerate(stamps) if stamp is not None), len(stamps))
            yield replace(page, raw=page.raw[:rows], ids=page.ids[:rows])
            if rows < len(stamps):
                return

    def _full_scan(self, bound: datetime | None) -> Iterator[Page]:
        for page in self._list_pages(sort=_FULL_SCAN):
            yield self._changed(page, self._stamps.of(page), bound)

    def _changed(self, page: Page, stamps: Sequence[datetime | None], bound: datetime | None) -> Page:
        known = [stamp for stamp in stamps if stamp is not None]
        self.newest = max((*known, *([self.newest] if self.newest else [])), default=None)
        if bound is None or all(stamp >= bound for stamp in known):
            return page
        kept = [rank for rank, stamp in enumerate(stamps) if stamp is None or stamp >= bound]
        return replace(page, raw=[page.raw[rank] for rank in kept], ids=[page.ids[rank] for rank in kept])


class _OrderError(Exception):
    """The list does not descend."""


class _Order:
    """Checks that stamps descend and that rows without one stand together at one end of the list."""

    def __init__(self) -> None:
        self.unstamped = 0
        self._oldest: datetime | None = None
        self._ended = False

    def check(self, stamps: Sequence[datetime | None]) -> None:
        """Take in the stamps of the next rows.

        Raises:
            _OrderError: They do not go on in order.
        """
        for stamp in stamps:
            if stamp is None:
                self.unstamped += 1
                self._ended = self._oldest is not None
            elif self._ended or (self._oldest is not None and stamp > self._oldest):
                raise _OrderError
            else:
                self._oldest = stamp


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
