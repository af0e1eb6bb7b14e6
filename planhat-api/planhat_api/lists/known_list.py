"""What a read shows of a list, and what a later read may therefore take as known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_api.lists.overlap import OverlapCheck
    from planhat_api.lists.page import Page

__all__ = ["KnownList", "ListRead"]


@dataclass(frozen=True, slots=True)
class KnownList:
    """What an earlier read showed of a list.

    Attributes:
        rows: How many rows it had.
        lowest: The lowest ``_id`` of its rows; None if it had none, or if it was not in the requested order of ``_id``.
        page_rows: The most rows of one answer, if the list did not fit into one; None if it did.
        trusted: Whether a read may end at this row without a call that proves the end.
    """

    rows: int
    lowest: str | None
    page_rows: int | None = None
    trusted: bool = True

    def ends_with(self, page: Page, check: OverlapCheck, limit: int) -> bool:
        """Whether a page is the end of the list, so that no call is needed to prove it.

        The list has to be in descending order of ``_id``, because new rows have higher ids and so come first (B30,
        B45). Then a page that ends with the row that was the lowest one shows every row that was there, and every row
        that is new. The page must also be shorter than requested. A Planhat that returns fewer rows than requested
        without a word (B27) does not end the read too early, because its page does not reach that row.

        Rows with lower ids than all others can come into the list later, for example when they are restored. A page
        that shows one is not taken for the end. So such rows are hidden only if Planhat returns exactly as many rows as
        stand above them. A read that proves the end with a call finds them.

        Args:
            page: The last page that was read.
            check: The comparison of all pages of this read.
            limit: The number of rows that were requested.
        """
        if not self.trusted or self.lowest is None or not check.descending or not page.ids:
            return False
        return page.ids[-1] == self.lowest and len(page) < limit

    def is_usual(self, rows: int, limit: int) -> bool:
        """Whether a page has as many rows as pages of this list have, if it is not the last one.

        Args:
            rows: The number of its rows.
            limit: The number of rows that were requested.
        """
        return rows >= min(limit, self.page_rows or limit)


@dataclass(slots=True)
class ListRead:
    """What one read shows of a list. It is filled when the list was read to its end.

    Attributes:
        rows: Number of rows; None until the end.
        lowest: As in ``KnownList``.
        page_rows: As in ``KnownList``.
        proved: Whether a call proved the end.
    """

    rows: int | None = None
    lowest: str | None = None
    page_rows: int | None = None
    proved: bool = False
