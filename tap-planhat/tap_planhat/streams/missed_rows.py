"""Finds rows that no pass showed because they moved from a later pass to an earlier one during the read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.lists.descending import UnprovenError
from tap_planhat.streams.incremental import latest_at_front, latest_timestamp, newest_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planhat_api import Page
    from tap_planhat.streams.incremental import ListReader, Timestamps

__all__ = ["MissedRows"]

_MOST_ROUNDS = 5


class MissedRows:
    """Reads the rows that changed since the first pass began, because a row changes when it moves to another list.

    It costs one call before the first pass, and at least two calls for each pass after the last one.

    Args:
        passes: The passes, in the order in which they are read.
        timestamps: Reads the field with the time of a row's last change.
    """

    def __init__(self, passes: Sequence[ListReader], timestamps: Timestamps) -> None:
        """Note the latest change. Make this object before anything is read."""
        self._passes = passes
        self._timestamps = timestamps
        self._since = latest_at_front(passes[0], self._timestamps)

    def pages(self, seen: set[str]) -> Iterator[Page]:
        """Rows that no pass showed; reads until nothing changes any more.

        Raises:
            UnprovenError: Rows that moved may be missing.
        """
        if self._since is None:
            message = "no row has a timestamp, so rows that move between passes cannot be found"
            raise UnprovenError(message)
        since = self._since
        for _ in range(_MOST_ROUNDS):
            latest = since
            for rows in self._passes:
                for page in newest_first(rows, self._timestamps, since):
                    latest = latest_timestamp(latest, self._timestamps.latest(page)) or since
                    yield self._new_rows(page, seen)
            if latest == since:
                return
            since = latest
        message = "rows kept changing"
        raise UnprovenError(message)

    def _new_rows(self, page: Page, seen: set[str]) -> Page:
        new = page.at([rank for rank, key in enumerate(page.ids) if key and key not in seen])
        seen.update(key for key in new.ids if key)
        return new
