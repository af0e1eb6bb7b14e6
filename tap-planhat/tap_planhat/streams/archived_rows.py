"""Checks whether a list contains archived rows: without one, it may leave them all out (Q17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from planhat_api import Page

__all__ = ["ArchivedRows"]


class ArchivedRows:
    """Looks for archived rows in the pages of a list.

    Attributes:
        seen: Whether one was found.
    """

    def __init__(self, field: str) -> None:
        """Start without a page.

        Args:
            field: Name of the field that is true in archived rows.
        """
        self.seen = False
        row = msgspec.defstruct("Row", [("archived", Any, msgspec.field(name=field, default=None))], gc=False)
        self._decode = msgspec.json.Decoder(row).decode

    def look(self, page: Page) -> None:
        """Check the rows of a page."""
        if not self.seen:
            self.seen = any(self._decode(body).archived is True for body in page.raw)  # type: ignore[attr-defined]
