"""Looks whether a list shows archived rows, without which nobody can tell whether it leaves them out (Q17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from planhat_api import Page

__all__ = ["ArchivedRows"]


class ArchivedRows:
    """Looks at rows until one of them is archived.

    Attributes:
        seen: Whether one is.
    """

    def __init__(self, mark: str) -> None:
        """Look at nothing yet.

        Args:
            mark: Name of the field that is true in archived rows.
        """
        self.seen = False
        row = msgspec.defstruct("Marked", [("mark", Any, msgspec.field(name=mark, default=None))], gc=False)
        self._decode = msgspec.json.Decoder(row).decode

    def look(self, page: Page) -> None:
        """Look at the rows of a page."""
        if not self.seen:
            self.seen = any(self._decode(body).mark is True for body in page.raw)  # type: ignore[attr-defined]
