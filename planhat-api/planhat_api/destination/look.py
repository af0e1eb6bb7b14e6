"""Reads what Planhat holds of one model: the whole list, or the records of a few rows in fewer calls."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from planhat_api.bulk.existing_keys import UNIQUE_IN_COMPANY, parameters_of
from planhat_api.destination.index import DestinationIndex
from planhat_api.errors import NotFoundError
from planhat_api.jsontext import encode
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from planhat_api.lists.page import Page
    from planhat_api.models.registry import Model
    from planhat_api.row import Row

__all__ = ["Look", "Reader", "look_at"]

_FORMS = {"_id": "", "sourceId": "srcid-", "externalId": "extid-", "extId": "extid-"}
_PLANHAT_ID = re.compile("[0-9a-f]{24}")
_IN_FLIGHT = 4
_CALLS_OF_A_PASS = 2  # a page, and one that brings nothing new
_MOST_GETS = 500
"""With more keys than this, the list is read in any case."""
_GETS_FOR_A_PAGE = 10
"""The length of a list is not asked for before one page is read for so many records that may be read one by one. Few
lists are so long that these calls decide nothing."""
_NOT_WORTH_A_TEST = 2
"""Calls. To ask for the length of a list costs one, and must be able to save more than that."""


class Reader(Protocol):
    """The part of the client that a look uses."""

    @property
    def calls(self) -> int:
        """Number of calls so far."""

    def page(
        self,
        model: Model,
        *,
        offset: int = 0,
        limit: int | None = None,
        select: str | Sequence[str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Page:
        """One list call."""

    def pages(
        self,
        model: Model,
        *,
        params: Mapping[str, str] | None = None,
        select: str | Sequence[str] | None = None,
        in_flight: int = 1,
        doubt: Callable[[str], None] | None = None,
    ) -> Iterator[Page]:
        """The whole list of a model, page by page."""

    def get(self, model: Model, key: str) -> dict[str, Any]:
        """One record; raises NotFoundError if there is none."""


@dataclass(frozen=True)
class Look:
    """What a look brought.

    Attributes:
        index: The rows that Planhat held.
        calls: Calls that the client made meanwhile.
        taken_at: When the look began, by ``time.monotonic``.
    """

    index: DestinationIndex
    calls: int
    taken_at: float

    @property
    def whole(self) -> bool:
        """Whether the list was read, not single records."""
        return self.index.asked is None

    @property
    def complete(self) -> bool:
        """Whether no row is missed: of the list, or of those that were asked for."""
        return self.index.complete

    def covers(self, rows: Sequence[Row]) -> bool:
        """Whether the look says something about each of these rows. If not, another look is necessary."""
        asked = self.index.asked
        return asked is None or all(asked.issuperset(self.index.keys_of(row).items()) for row in rows)


def look_at(  # noqa: PLR0913 - all of it decides what is read
    reader: Reader,
    model: Model,
    fields: Collection[str],
    rows: Sequence[Row],
    company_id: Callable[[str], str | None],
    *,
    whole: bool = False,
    other_gets: int = 0,
    in_flight: int = _IN_FLIGHT,
) -> Look:
    """Read what Planhat holds of a model.

    The whole list is read, with hidden rows, unless fewer calls bring the records of the rows: the first pages, single
    records, or both.

    Args:
        reader: The client.
        model: The model of the rows.
        fields: Top-level fields of which the values are needed.
        rows: The rows that will be sent first.
        company_id: As for ``DestinationIndex``.
        whole: Whether the whole list is read in any case.
        other_gets: Calls for single records of this model that earlier looks made or later ones are expected to make.
            The more these are, the sooner the whole list is read instead.
        in_flight: How many pages of a whole list are requested at the same time. Up to as many calls are made in vain
            at its end.

    Raises:
        AccessError: The token may not read the model.
        NotFoundError: The tenant does not have the model.
        TemporaryFileError: The disk is full.
    """
    taken_at, calls_before = time.monotonic(), reader.calls
    index = DestinationIndex(model, fields, company_id)
    try:
        asked = None if whole else _keys_to_ask(model, index, rows)
        if asked is None:
            _read_lists(reader, model, index, in_flight)
        elif (missing := _read_until_found(reader, model, index, asked, other_gets)) is not None:
            if _get(reader, model, index, missing):
                index.asked = asked
            else:
                index.close()
                index = DestinationIndex(model, fields, company_id)
                _read_lists(reader, model, index, in_flight)
    except BaseException:
        index.close()
        raise
    return Look(index, reader.calls - calls_before, taken_at)


def _read_lists(reader: Reader, model: Model, index: DestinationIndex, in_flight: int) -> None:
    for parameters in parameters_of(model):
        for page in _pages(reader, model, index, parameters, in_flight):
            index.add_page(page)


def _pages(
    reader: Reader, model: Model, index: DestinationIndex, parameters: Mapping[str, str], in_flight: int
) -> Iterator[Page]:
    def note(_reason: str) -> None:
        index.complete = False

    return reader.pages(model, params=parameters, select=index.select, in_flight=in_flight, doubt=note)


def _keys_to_ask(model: Model, index: DestinationIndex, rows: Sequence[Row]) -> frozenset[tuple[str, str]] | None:
    """All keys of the rows; None if a URL cannot name each of them, or if there are too many."""
    found: set[tuple[str, str]] = set()
    if "get" not in model.operations:
        return None
    allowed = model.url_keys.get("get", ("_id",))
    for row in rows:
        for name, value in index.keys_of(row).items():
            form = _FORMS.get(name)
            fits = form is not None and (form or "_id") in allowed and name not in index.names.scoped
            if not fits or not (_PLANHAT_ID.fullmatch(value) if name == "_id" else value.strip()):
                return None
            found.add((name, value))
        if len(found) > _MOST_GETS:
            return None
    return frozenset(found)


def _read_until_found(
    reader: Reader, model: Model, index: DestinationIndex, asked: frozenset[tuple[str, str]], other_gets: int
) -> frozenset[tuple[str, str]] | None:
    """Read the list from its beginning, as long as this may need fewer calls than to read the other records one by one.

    Args:
        reader: The client.
        model: The model.
        index: Gets the rows.
        asked: The keys of the records that are needed.
        other_gets: As for ``look_at``.

    Returns:
        The keys that no row so far has. Their records are read one by one. None if the whole list was read.
    """
    lists = [_List(parameters) for parameters in parameters_of(model)]
    missing = asked
    if len(asked) + other_gets < sum(one.least for one in lists):
        return missing
    for number, (one, page) in enumerate(_first_pages_first(reader, model, index, lists), 1):
        index.add_page(page)
        before = len(missing)
        if index.shows_all_fields:
            missing -= _keys_in(page, index, {name for name, _ in missing if _is_unique(model, name)})
        gets, least = len(missing) + other_gets, sum(one.least for one in lists)
        is_last = len(page) < one.full
        if gets < least or (gets == least and not is_last):
            return missing
        # A page that brings a needed record is as good as a call for this record.
        if not is_last and len(missing) == before and not one.is_short and number * _GETS_FOR_A_PAGE >= gets:
            if gets <= least + _NOT_WORTH_A_TEST or _is_longer(reader, model, one, page, gets - least):
                return missing
            one.is_short = True
        # A page that is shorter than requested may be as long as Planhat allows (B27).
        one.full = min(one.full, len(page))
    return None


@dataclass
class _List:
    """The list of a model for one set of parameters, while it is read.

    Attributes:
        parameters: The parameters.
        least: Calls that the rest of it needs at least. The last one proves its end.
        full: Rows of a full page.
        is_short: Whether it is known that the rest of it needs fewer calls than the records that are missing.
    """

    parameters: Mapping[str, str]
    least: int = _CALLS_OF_A_PASS
    full: float = float("inf")
    is_short: bool = False


def _first_pages_first(
    reader: Reader, model: Model, index: DestinationIndex, lists: Sequence[_List]
) -> Iterator[tuple[_List, Page]]:
    """The pages of all lists. No end is proved before each list has brought a page."""
    pages = [_pages(reader, model, index, one.parameters, in_flight=1) for one in lists]
    for one, of_list in zip(lists, pages, strict=True):
        page = next(of_list, None)
        one.least = 0 if page is None else 1
        if page is not None:
            one.full = model.page.ask or float("inf")
            yield one, page
    for one, of_list in zip(lists, pages, strict=True):
        for page in of_list:
            yield one, page
        one.least = 0


def _is_longer(reader: Reader, model: Model, one: _List, page: Page, pages: int) -> bool:
    """Whether a list has a row beyond so many pages after this one. It takes a call."""
    offset = page.offset + len(page) + pages * max(len(page) - 1, 1)
    return len(reader.page(model, offset=offset, limit=1, select=("_id",), params=one.parameters)) > 0


def _is_unique(model: Model, name: str) -> bool:
    """Whether no second record can have a key (B62), so that the record of a page is the one that Planhat means."""
    return name not in UNIQUE_IN_COMPANY or model.path == "companies"


def _keys_in(page: Page, index: DestinationIndex, names: Collection[str]) -> frozenset[tuple[str, str]]:
    """The keys with these names of the rows of a page."""
    shown = {name: index.names.shown[name] for name in names}
    records = page.records()
    found = ((name, key_text(record.get(field))) for record in records for name, field in shown.items())
    return frozenset((name, text) for name, text in found if text)


def _get(reader: Reader, model: Model, index: DestinationIndex, keys: Iterable[tuple[str, str]]) -> bool:
    """Read records one by one. False if an answer is not the record that was asked for."""
    for name, value in sorted(keys):
        try:
            record = reader.get(model, f"{_FORMS[name]}{value}")
        except NotFoundError:
            continue
        if key_text(record.get("_id")) is None or key_text(record.get(index.names.shown[name])) != value:
            return False
        index.add([encode(record)])
    return True
