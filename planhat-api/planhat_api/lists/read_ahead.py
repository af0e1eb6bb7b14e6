"""Decides how many pages of a list to request before their turn, so that few calls are made in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["pages_ahead"]

_MOST_BYTES = 16 << 20
"""Bytes of the pages that wait for their turn. A page takes half as much again when it is split into its records."""


def pages_ahead(  # noqa: PLR0913 - each is a figure of the read so far
    *,
    most: int,
    full_pages: int,
    position: int,
    stride: int,
    page_bytes: int,
    expected: int | None,
    spare: Callable[[], bool],
) -> int:
    """How many pages to have on the way while the present one is used.

    Up to the expected length of the list, pages are certain to be needed. Beyond it, or if it is not known, a page may
    lie behind the end, so that its call is made in vain. That happens at most once for every two full pages that were
    read, and once for every eight if little of the quota is left.

    Args:
        most: Pages that are allowed on the way.
        full_pages: Full pages that were read so far.
        position: Rows that were read so far.
        stride: New rows of a full page.
        page_bytes: Size of the last page.
        expected: Rows of the list, as an earlier read counted them; None if no one did.
        spare: Whether much of the quota is left.
    """
    most = min(most, _MOST_BYTES // max(page_bytes, 1))
    if most <= 0 or stride <= 0:
        return 0
    if expected is not None and expected > position:
        return min(most, -(-(expected - position) // stride))
    if expected is not None:
        full_pages = min(full_pages, (position - expected) // stride)
    return min(most, full_pages // (2 if spare() else 8))
