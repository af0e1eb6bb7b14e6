"""Reading newest first: what is emitted, where it stops, and what happens when the order does not hold."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import Page
from planhat_api.lists.descending import read_descending
from planhat_api.lists.prefetch import PageSource
from tap_planhat.streams.incremental import ChangedRows, Timestamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planhat_api.lists.started import StartedList

_LOGGER = logging.getLogger("test")
_BASE = datetime(2024, 5, 14, tzinfo=timezone.utc)
_PAGE = 3


def _row(key: int, minutes: int | None) -> dict[str, Any]:
    row: dict[str, Any] = {"_id": str(key)}
    if minutes is not None:
        row["updatedAt"] = (_BASE + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return row


class _List:
    """A list endpoint that sorts, or does not, and keeps the order of equal rows, or does not."""

    def __init__(
        self,
        rows: list[dict[str, Any]],
        *,
        sorts: bool = True,
        nulls_high: bool = False,
        dice: Random | None = None,
        size: int = _PAGE,
    ) -> None:
        self.rows = rows
        self.sorts = sorts
        self.nulls_high = nulls_high
        self.dice = dice
        self.size = size
        self.read = 0
        self.calls = 0

    def _page(self, sort: str, offset: int, limit: int) -> Page:
        rows = self.rows
        field = sort.removeprefix("-")
        if self.sorts or field == "_id":
            null = "~" if self.nulls_high else ""
            rows = self.dice.sample(rows, len(rows)) if self.dice else rows
            rows = sorted(rows, key=lambda row: row.get(field, null), reverse=sort.startswith("-"))
        part = rows[offset : offset + limit]
        self.read += len(part)
        self.calls += 1
        body = json.dumps(part).encode()
        raw = msgspec.json.decode(body, type=list[msgspec.Raw])
        return Page(offset, body, raw, [row["_id"] for row in part], len(part))

    def all_rows(self) -> Iterator[Page]:
        for offset in range(0, len(self.rows), self.size):
            yield self._page("_id", offset, self.size)

    @property
    def is_read(self) -> bool:
        return False

    def start_all_rows(self, after: StartedList | None = None) -> StartedList:
        raise NotImplementedError

    def start_descending(
        self, by: str, values: Callable[[Page], Sequence[Any]], after: StartedList | None = None
    ) -> StartedList:
        raise NotImplementedError

    @property
    def page_size(self) -> int:
        return self.size

    @property
    def pages_known(self) -> int | None:
        return None

    def descending(self, by: str, values: Callable[[Page], Sequence[Any]]) -> Iterator[Page]:
        fetch = partial(self._page, f"-{by}")
        return read_descending(PageSource(fetch, ThreadPoolExecutor(1), self.size, 1), values, name="test")

    def first_rows(self, sort: str, *, limit: int) -> Page:
        return self._page(sort, 0, min(limit, 2 * self.size))


def _emitted(changes: ChangedRows) -> list[str]:
    return [str(key) for page in changes.pages() for key in page.ids]


def _changes(rows: _List, bound: int | None) -> ChangedRows:
    moment = None if bound is None else _BASE + timedelta(minutes=bound)
    return ChangedRows(rows, Timestamps("updatedAt", datetime.now(timezone.utc)), bound=moment, logger=_LOGGER)


def test_without_a_bookmark_everything_is_read() -> None:
    rows = _List([_row(1, 5), _row(2, None), _row(3, 9)])
    changes = _changes(rows, None)
    assert sorted(_emitted(changes)) == ["1", "2", "3"]
    assert changes.newest == _BASE + timedelta(minutes=9)


@pytest.mark.parametrize("nulls_high", [False, True])
def test_the_read_stops_at_the_bound_and_keeps_ties_and_rows_without_a_stamp(*, nulls_high: bool) -> None:
    rows = _List([_row(key, key) for key in range(100)] + [_row(200, 97), _row(201, None)], nulls_high=nulls_high)
    changes = _changes(rows, 97)
    assert sorted(_emitted(changes)) == sorted(["97", "98", "99", "200", "201"])
    assert rows.read < 120
    assert changes.newest == _BASE + timedelta(minutes=99)


def test_a_list_out_of_order_is_read_whole_before_anything_of_it_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    rows = _List([_row(1, 1), _row(2, 50), _row(3, 60), _row(4, 2), _row(5, None)], sorts=False)
    assert sorted(_emitted(_changes(rows, 50))) == ["2", "3", "5"]
    assert "is not in the requested order): reading the whole list" in caplog.text


def test_rows_without_a_stamp_in_the_middle_are_disorder(caplog: pytest.LogCaptureFixture) -> None:
    rows = _List([_row(1, 60), _row(2, None), _row(3, 50)], sorts=False)
    assert sorted(set(_emitted(_changes(rows, 0)))) == ["1", "2", "3"]
    assert "is not in the requested order): reading the whole list" in caplog.text


@pytest.mark.parametrize(
    "stamp", ["2024-05-14T01:00:00.000+0000", 1715648400000, "2024-05-14T01:00:00Z"], ids=["offset", "epoch", "iso"]
)
def test_stamps_are_read_in_every_form(stamp: object) -> None:
    rows = _List([{"_id": "1", "updatedAt": stamp}])
    changes = _changes(rows, 0)
    assert _emitted(changes) == ["1"]
    assert changes.newest == _BASE + timedelta(hours=1)


@pytest.mark.parametrize("dice", [None, Random(4)], ids=["stable", "changing"])
def test_equal_rows_at_the_edge_of_a_page_are_all_read(dice: Random | None) -> None:
    stamps = [*range(40), *[50] * 25, *range(60, 90), *[95] * 7]
    rows = _List([_row(key, stamp) for key, stamp in enumerate(stamps)], dice=dice, size=40)
    assert len(set(_emitted(_changes(rows, 50)))) == 62
    assert rows.calls == 3


@pytest.mark.parametrize("dice", [None, Random(4)], ids=["stable", "changing"])
def test_more_equal_rows_than_a_page_holds_are_read_by_id(
    dice: Random | None, caplog: pytest.LogCaptureFixture
) -> None:
    rows = _List([_row(key, max(key, 100)) for key in range(150)], dice=dice, size=40)
    assert len(set(_emitted(_changes(rows, 100)))) == 150
    assert "one answer cannot hold all rows that are equal" in caplog.text


@pytest.mark.parametrize("deleted", [1, 3, 30])
def test_rows_deleted_while_the_list_is_read_hide_no_others(deleted: int) -> None:
    rows = _List([_row(key, key) for key in range(200)], size=20)
    emitted: list[str] = []
    for number, page in enumerate(_changes(rows, 50).pages()):
        emitted += [str(key) for key in page.ids]
        if number in {2, 4}:
            rows.rows = rows.rows[:-deleted]
    assert {str(key) for key in range(50, 200 - 2 * deleted)} <= set(emitted)


@settings(deadline=None)
@given(
    stamps=st.lists(st.none() | st.integers(0, 20), max_size=40),
    bound=st.integers(0, 20),
    sorts=st.booleans(),
    nulls_high=st.booleans(),
    dice=st.none() | st.builds(Random, st.integers()),
    size=st.integers(2, 12),
)
def test_no_changed_row_is_ever_missed(  # noqa: PLR0913 - each is drawn
    *,
    stamps: list[int | None],
    bound: int,
    sorts: bool,
    nulls_high: bool,
    dice: Random | None,
    size: int,
) -> None:
    held = [_row(key, stamp) for key, stamp in enumerate(stamps)]
    rows = _List(held, sorts=sorts, nulls_high=nulls_high, dice=dice, size=size)
    changed = {str(key) for key, stamp in enumerate(stamps) if stamp is None or stamp >= bound}
    assert set(_emitted(_changes(rows, bound))) == changed


@pytest.mark.parametrize("number", [1, 2, 7])
def test_a_server_that_returns_one_row_at_a_time_hides_no_change(number: int) -> None:
    rows = _List([_row(key, key) for key in range(number)], size=1)
    rows.first_rows = lambda sort, *, limit: rows._page(sort, 0, min(limit, 1))  # type: ignore[method-assign]
    changes = _changes(rows, 0)
    capped = PageSource(lambda offset, _: rows._page("-updatedAt", offset, 1), ThreadPoolExecutor(1), 100, 1)
    rows.descending = lambda by, values: read_descending(capped, values, name=by)  # type: ignore[method-assign]
    assert sorted(_emitted(changes)) == [str(key) for key in range(number)]
