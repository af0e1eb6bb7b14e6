"""One pass over the list of a model, with given parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planhat_api.lists.known_list import ListRead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api import Page, PlanhatClient
    from planhat_api.http.call import CallTally
    from planhat_api.lists.known_list import KnownList
    from planhat_api.lists.page import ConformingIds
    from planhat_api.lists.started import StartedList
    from planhat_api.models.registry import Model

__all__ = ["ListPass"]


@dataclass
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
        known: What an earlier run showed of the list; None for nothing.
        tally: Counts the calls.
        found: What this run shows of the list, once ``all_rows`` has brought all rows.
    """

    client: PlanhatClient
    model: Model
    params: Mapping[str, str]
    select: Sequence[str] | None
    limit: int | None
    in_flight: int
    conforming_ids: ConformingIds | None
    doubt: Callable[[str], None]
    known: KnownList | None
    tally: CallTally
    found: ListRead = field(default_factory=ListRead)
    _ready: Iterator[Page] | None = None
    _is_turn: bool = True

    @property
    def page_size(self) -> int:
        """Rows to request in one call."""
        return self.limit or self.model.page.ask or 1

    @property
    def pages_known(self) -> int | None:
        """How many pages the list had in an earlier run; None if that is not known."""
        if self.known is None:
            return None
        return -(-self.known.rows // min(self.page_size, self.known.page_rows or self.page_size))

    @property
    def is_read(self) -> bool:
        """Whether the pages that ``all_rows`` brings are already there."""
        return self._ready is not None

    def start_all_rows(self, after: StartedList | None = None) -> StartedList:
        """Begin to read the list, once another one is read. The next ``all_rows`` brings its pages."""
        pages = self.all_rows()
        self._is_turn = False
        started = self.client.start(pages, after=after)
        self._ready = iter(started)
        return started

    def start_descending(
        self, by: str, values: Callable[[Page], Sequence[Any]], after: StartedList | None = None
    ) -> StartedList:
        """Request the first page of ``descending``, once another list is read. The next ``descending`` brings it."""
        started = self.client.start(self.descending(by, values), room=0, after=after)
        self._ready = iter(started)
        return started

    def use(self, pages: Sequence[Page], found: ListRead) -> None:
        """Use pages that were already read. The next ``all_rows`` brings them."""
        self._ready, self.found = iter(pages), found

    def all_rows(self) -> Iterator[Page]:
        """All rows, sorted by ``_id``: ascending, or descending if that saves the call that proves the end."""
        if ready := self._take_ready():
            return ready
        self.found = ListRead()
        return self.client.pages(
            self.model,
            params=self.params,
            sort="-_id" if self.known and self.known.trusted else "_id",
            limit=self.limit,
            select=self.select,
            in_flight=self.in_flight,
            conforming_ids=self.conforming_ids,
            doubt=self.doubt,
            known=self.known,
            found=self.found,
            is_turn=lambda: self._is_turn,
            tally=self.tally,
        )

    def descending(self, by: str, values: Callable[[Page], Sequence[Any]]) -> Iterator[Page]:
        """The rows sorted by a field, highest first; see ``planhat_api.lists.descending``."""
        if ready := self._take_ready():
            return ready
        return self.client.pages(
            self.model,
            params=self.params,
            sort=f"-{by}",
            limit=self.limit,
            select=self.select,
            conforming_ids=self.conforming_ids,
            descending_by=values,
            tally=self.tally,
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
            tally=self.tally,
        )

    def _take_ready(self) -> Iterator[Page] | None:
        ready, self._ready = self._ready, None
        self._is_turn = True
        return ready
