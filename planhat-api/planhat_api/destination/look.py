"""Reads what Planhat holds of one model: the whole list, or a handful of records one by one."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from planhat_api.bulk.existing_keys import parameters_of
from planhat_api.destination.index import DestinationIndex
from planhat_api.errors import NotFoundError
from planhat_api.jsontext import encode
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from planhat_api.lists.page import Page
    from planhat_api.models.registry import Model
    from planhat_api.row import Row

__all__ = ["Look", "Reader", "look_at"]

_FORMS = {"_id": "", "sourceId": "srcid-", "externalId": "extid-", "extId": "extid-"}
_PLANHAT_ID = re.compile("[0-9a-f]{24}")
_IN_FLIGHT = 4
_CALLS_OF_A_PASS = 2  # a page, and one that brings nothing new
_MOST_GETS = 500
"""With more keys than this, the list is read without a test of its length, which costs a call."""


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
    in_flight: int = _IN_FLIGHT,
) -> Look:
    """Read what Planhat holds of a model.

    The whole list is read, with hidden rows, unless fewer calls read the records of the rows one by one.

    Args:
        reader: The client.
        model: The model of the rows.
        fields: Top-level fields of which the values are needed.
        rows: The rows that will be sent first.
        company_id: As for ``DestinationIndex``.
        whole: Whether the whole list is read in any case.
        in_flight: How many pages are requested at the same time. Up to as many calls are made in vain at its end.

    Raises:
        AccessError: The token may not read the model.
        NotFoundError: The tenant does not have the model.
        TemporaryFileError: The disk is full.
    """
    taken_at, calls_before = time.monotonic(), reader.calls
    index = DestinationIndex(model, fields, company_id)
    try:
        asked = None if whole else _keys_to_ask(model, index, rows)
        if asked is None or not _gets_need_fewer_calls(reader, model, len(asked)):
            _read_lists(reader, model, index, in_flight)
        elif not _get(reader, model, index, asked):
            index.close()
            index = DestinationIndex(model, fields, company_id)
            _read_lists(reader, model, index, in_flight)
    except BaseException:
        index.close()
        raise
    return Look(index, reader.calls - calls_before, taken_at)


def _read_lists(reader: Reader, model: Model, index: DestinationIndex, in_flight: int) -> None:
    def note(_reason: str) -> None:
        index.complete = False

    for parameters in parameters_of(model):
        pages = reader.pages(model, params=parameters, select=index.select, in_flight=in_flight, doubt=note)
        for page in pages:
            index.add_page(page)


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


def _gets_need_fewer_calls(reader: Reader, model: Model, number: int) -> bool:
    passes = parameters_of(model)
    if number < _CALLS_OF_A_PASS * len(passes):
        return True
    if model.page.ask is None or number <= _CALLS_OF_A_PASS * len(passes) + 1:
        return False
    # If there is no row at this offset, the list needs at most as many calls.
    offset = (number // len(passes) - _CALLS_OF_A_PASS) * model.page.ask
    return any(
        len(reader.page(model, offset=offset, limit=1, select=("_id",), params=parameters)) for parameters in passes
    )


def _get(reader: Reader, model: Model, index: DestinationIndex, asked: frozenset[tuple[str, str]]) -> bool:
    """Read records one by one. False if an answer is not the record that was asked for."""
    for name, value in sorted(asked):
        try:
            record = reader.get(model, f"{_FORMS[name]}{value}")
        except NotFoundError:
            continue
        if key_text(record.get("_id")) is None or key_text(record.get(index.names.shown[name])) != value:
            return False
        index.add([encode(record)])
    index.asked = asked
    return True
