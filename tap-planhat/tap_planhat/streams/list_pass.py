"""One pass over the list of a model, with given parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api import Page, PlanhatClient
    from planhat_api.lists.page import ConformingIds
    from planhat_api.models.registry import Model

__all__ = ["ListPass"]


@dataclass(frozen=True)
class ListPass:
    """One pass over a list.

    Attributes:
        client: The client that reads the list.
        model: The model of the rows.
        params: The list parameters.
        select: Fields to request; if None, Planhat decides.
        limit: Rows of a page; None for the page size of the model.
        in_flight: Pages to request at the same time.
        conforming_ids: Checks whether the records of a page can pass unchanged.
        doubt: Called with the reason if rows may be missing.
    """

    client: PlanhatClient
    model: Model
    params: Mapping[str, str]
    select: Sequence[str] | None
    limit: int | None
    in_flight: int
    conforming_ids: ConformingIds | None
    doubt: Callable[[str], None]

    def all_rows(self) -> Iterator[Page]:
        """All rows, sorted by ``_id``."""
        return self.client.pages(
            self.model,
            params=self.params,
            sort="_id",
            limit=self.limit,
            select=self.select,
            in_flight=self.in_flight,
            conforming_ids=self.conforming_ids,
            doubt=self.doubt,
        )

    def descending(self, field: str, values: Callable[[Page], Sequence[Any]]) -> Iterator[Page]:
        """The rows sorted by a field, highest first; see ``planhat_api.lists.descending``."""
        return self.client.pages(
            self.model,
            params=self.params,
            sort=f"-{field}",
            limit=self.limit,
            select=self.select,
            conforming_ids=self.conforming_ids,
            descending_by=values,
        )

    def first_rows(self, sort: str, *, limit: int) -> Page:
        """The first rows in a given order, in one answer, which may hold fewer rows than requested."""
        return self.client.first_rows(
            self.model,
            params=self.params,
            sort=sort,
            limit=limit,
            select=self.select,
            conforming_ids=self.conforming_ids,
        )
