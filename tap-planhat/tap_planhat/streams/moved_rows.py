"""Finds the rows that went from a pass still to come to a pass already read, which neither of them showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.lists.falling import UnprovenError
from tap_planhat.streams.incremental import latest_at_front, latest_stamp, newest_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planhat_api import Page
    from tap_planhat.streams.incremental import Rows, Stamps

__all__ = ["MovedRows"]

_MOST_ROUNDS = 5


class MovedRows:
    """Looks at what changed since the first pass began: a row that went to another list changed.

    It costs one call before the first pass and at least two a pass after the last one.

    Args:
        passes: Read the lists, in the order of the passes.
        stamps: Reads the field that tells a row's last change.
    """

    def __init__(self, passes: Sequence[Rows], stamps: Stamps) -> None:
        """Note the latest change so far; to be made before anything is read."""
        self._passes = passes
        self._stamps = stamps
        self._since = latest_at_front(passes[0], self._stamps)

    def pages(self, seen: set[str]) -> Iterator[Page]:
        """Rows that are not among those seen; looks on until nothing changes any more.

        Raises:
            UnprovenError: Rows that moved may be missing.
        """
        if self._since is None:
            message = "no row tells when it changed, so none is seen to move from one pass to another"
            raise UnprovenError(message)
        since = self._since
        for _ in range(_MOST_ROUNDS):
            latest = since
            for rows in self._passes:
                for page in newest_first(rows, self._stamps, since):
                    latest = latest_stamp(latest, self._stamps.latest(page)) or since
                    yield self._fresh(page, seen)
            if latest == since:
                return
            since = latest
        message = "rows kept changing"
        raise UnprovenError(message)

    def _fresh(self, page: Page, seen: set[str]) -> Page:
        fresh = page.at([rank for rank, key in enumerate(page.ids) if key and key not in seen])
        seen.update(key for key in fresh.ids if key)
        return fresh
