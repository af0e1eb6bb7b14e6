"""Reading newest first: what is emitted, where it stops, and what happens when the order does not hold."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import Page
from tap_planhat.incremental import Changes

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGER = logging.getLogger("test")
_BASE = datetime(2024, 5, 14, tzinfo=timezone.utc)
_PAGE = 3


def _row(key: int, minutes: int | None) -> dict[str, Any]:
    row: dict[str, Any] = {"_id": str(key)}
    if minutes is not None:
        row["updatedAt"] = (_BASE + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return row


class _List:
    """A list endpoint that sorts, or does not."""

    def __init__(self, rows: list[dict[str, Any]], *, sorts: bool = True, nulls_high: bool = False) -> None:
        self.rows = rows
        self.sorts = sorts
        self.nulls_high = nulls_high
        self.read = 0

    def __call__(self, *, sort: str, limit: int | None = None) -> Iterator[Page]:
        rows = self.rows
        field = sort.removeprefix("-")
        if self.sorts or field == "_id":
            null = "~" if self.nulls_high else ""
            rows = sorted(rows, key=lambda row: row.get(field, null), reverse=sort.startswith("-"))
        size = limit or _PAGE
        for offset in range(0, len(rows), size):
            part = rows[offset : offset + size]
            self.read += len(part)
            body = json.dumps(part).encode()
            raw = msgspec.json.decode(body, type=list[msgspec.Raw])
            yield Page(offset, body, raw, [row["_id"] for row in part], len(part))


def _emitted(changes: Changes) -> list[str]:
    return [str(key) for page in changes.pages() for key in page.ids]


def _changes(rows: _List, bound: int | None) -> Changes:
    moment = None if bound is None else _BASE + timedelta(minutes=bound)
    return Changes(rows, "updatedAt", bound=moment, logger=_LOGGER)


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
    assert rows.read < 110
    assert changes.newest == _BASE + timedelta(minutes=99)


def test_a_list_out_of_order_is_read_whole_before_anything_of_it_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    rows = _List([_row(1, 1), _row(2, 50), _row(3, 60), _row(4, 2), _row(5, None)], sorts=False)
    assert sorted(_emitted(_changes(rows, 50))) == ["2", "3", "5"]
    assert "did not keep the order" in caplog.text


def test_rows_without_a_stamp_in_the_middle_are_disorder(caplog: pytest.LogCaptureFixture) -> None:
    rows = _List([_row(1, 60), _row(2, None), _row(3, 50)], sorts=False)
    assert sorted(set(_emitted(_changes(rows, 0)))) == ["1", "2", "3"]
    assert "did not keep the order" in caplog.text


@pytest.mark.parametrize(
    "stamp", ["2024-05-14T01:00:00.000+0000", 1715648400000, "2024-05-14T01:00:00Z"], ids=["offset", "epoch", "iso"]
)
def test_stamps_are_read_in_every_form(stamp: object) -> None:
    rows = _List([{"_id": "1", "updatedAt": stamp}])
    changes = _changes(rows, 0)
    assert _emitted(changes) == ["1"]
    assert changes.newest == _BASE + timedelta(hours=1)


@settings(deadline=None)
@given(
    stamps=st.lists(st.none() | st.integers(0, 20), max_size=40),
    bound=st.integers(0, 20),
    sorts=st.booleans(),
    nulls_high=st.booleans(),
)
def test_no_changed_row_is_ever_missed(*, stamps: list[int | None], bound: int, sorts: bool, nulls_high: bool) -> None:
    rows = _List([_row(key, stamp) for key, stamp in enumerate(stamps)], sorts=sorts, nulls_high=nulls_high)
    changed = {str(key) for key, stamp in enumerate(stamps) if stamp is None or stamp >= bound}
    assert set(_emitted(_changes(rows, bound))) == changed
