"""One pass over the list of a model: a list with certain parameters, read in the order that the reader asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api import Page, PlanhatClient
    from planhat_api.lists.page import Recognise
    from planhat_api.models.registry import Model

__all__ = ["ListPass"]


@dataclass(frozen=True)
class ListPass:
    """One list, as the settings want it read.

    Attributes:
        client: Reads it.
        model: What is listed.
        params: The list parameters.
        select: Fields to ask for; None leaves the choice to Planhat.
        limit: Rows a page; None for what the model says.
        in_flight: Pages to have on the way at once.
        recognise: What the client should ask about the records of a page.
        doubt: Called with the reason when a whole read may have missed rows.
    """

    client: PlanhatClient
    model: Model
    params: Mapping[str, str]
    select: Sequence[str] | None
    limit: int | None
    in_flight: int
    recognise: Recognise | None
    doubt: Callable[[str], None]

    def whole(self) -> Iterator[Page]:
        """Every row."""
        return self.client.pages(
            self.model,
            params=self.params,
            sort="_id",
            limit=self.limit,
            select=self.select,
            in_flight=self.in_flight,
            recognise=self.recognise,
            doubt=self.doubt,
        )

    def falling(self, field: str, values: Callable[[Page], Sequence[Any]]) -> Iterator[Page]:
        """The rows by a field, highest first; see ``planhat_api.lists.falling``."""
        return self.client.pages(
            self.model,
            params=self.params,
            sort=f"-{field}",
            limit=self.limit,
            select=self.select,
            recognise=self.recognise,
            falling_by=values,
        )

    def front(self, sort: str, *, limit: int) -> Page:
        """The first rows in some order, in one answer: as many as asked for, or as Planhat and this process take."""
        return self.client.front(
            self.model, params=self.params, sort=sort, limit=limit, select=self.select, recognise=self.recognise
        )
