"""Dimension data over several runs whose settings change: in the end the loader has what the tenant has."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.clock_support import standing_on
from tests.contract.sandbox_calls import Api
from tests.tap_support import config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STREAM = "dimension_data"
_LAST = date(2026, 6, 30)
_DAYS = 60


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=3, days=_DAYS, today=_LAST) as sandbox:
        yield sandbox


def _day(days_ago: int) -> date:
    return _LAST - timedelta(days=days_ago)


class _Warehouse:
    """A loader that merges on the key, and the state it keeps."""

    def __init__(self, box: Sandbox) -> None:
        self.points: dict[str, float] = {}
        self.state: Mapping[str, Any] = {}
        self._box = box

    def load(self, days_ago: int, **settings: Any) -> None:
        dates = {name: str(value) for name, value in settings.items() if isinstance(value, date)}
        with standing_on(_day(days_ago)):
            output = run(config_for(self._box, **{**settings, **dates}), _STREAM, state=self.state)
        self.points |= {record["_id"]: record["value"] for record in output.records.get(_STREAM, [])}
        self.state = output.state

    def tenant(self, first: date, last: date) -> dict[str, float]:
        rows = self._box.rows("dimensiondata")
        return {row["_id"]: row["value"] for row in rows if str(first) <= row["time"][:10] <= str(last)}


@pytest.fixture
def warehouse(box: Sandbox) -> _Warehouse:
    return _Warehouse(box)


def _push(box: Sandbox, day: date, value: float = 1000.0) -> None:
    company = box.rows("companies")[0]["externalId"]
    point = {
        "dimensionId": "logins", "value": value, "externalId": company, "model": "Company", "date": str(day),
    }  # fmt: skip
    answer = Api(box).push(f"dimensiondata/{box.tenant_token}", [point])
    assert answer.json() == {"processed": 1, "errors": []}
    assert box.landed_metrics[-1] == point


def test_without_the_start_date_of_former_runs_all_days_are_read(box: Sandbox, warehouse: _Warehouse) -> None:
    warehouse.load(0, start_date=_day(20))
    warehouse.load(0, start_date=_day(20))
    warehouse.load(0)
    assert warehouse.points == warehouse.tenant(_day(_DAYS), _day(0))


def test_a_day_that_was_read_while_it_was_today_is_read_again(box: Sandbox, warehouse: _Warehouse) -> None:
    """Also when the start date moved past it, and back."""
    warehouse.load(9, start_date=_day(30), lookback_days=0)
    _push(box, _day(9))
    warehouse.load(5, start_date=_day(8), lookback_days=0)
    warehouse.load(4, start_date=_day(30), lookback_days=0)
    assert warehouse.points == warehouse.tenant(_day(30), _day(4))


def test_corrections_within_a_lookback_come_whatever_was_asked_for_meanwhile(
    box: Sandbox, warehouse: _Warehouse
) -> None:
    warehouse.load(20, start_date=_day(50), lookback_days=15)
    for days_ago in range(19, 3, -1):
        _push(box, _day(21), days_ago)
        warehouse.load(days_ago, start_date=_day(days_ago + 1), lookback_days=15)
    warehouse.load(3, start_date=_day(50), lookback_days=15)
    assert warehouse.points == warehouse.tenant(_day(50), _day(3))


def test_a_longer_lookback_reads_again_what_was_read_too_early_for_it(box: Sandbox, warehouse: _Warehouse) -> None:
    for days_ago in (20, 19, 18):
        warehouse.load(days_ago, start_date=_day(40), lookback_days=0)
    _push(box, _day(20))
    warehouse.load(2, start_date=_day(40), lookback_days=0)
    warehouse.load(1, start_date=_day(40), lookback_days=10)
    assert warehouse.points == warehouse.tenant(_day(40), _day(1))


def test_an_end_date_that_comes_and_goes(box: Sandbox, warehouse: _Warehouse) -> None:
    warehouse.load(9, start_date=_day(12), lookback_days=0)
    _push(box, _day(9))
    warehouse.load(8, start_date=_day(40), end_date=_day(30), lookback_days=0)
    box.forget_calls()
    warehouse.load(7, start_date=_day(40), end_date=_day(30), lookback_days=0)
    assert not [call for call in box.calls if call.path == "dimensiondata"]
    warehouse.load(6, start_date=_day(40), lookback_days=0)
    assert warehouse.points == warehouse.tenant(_day(40), _day(6))


@pytest.mark.parametrize("start", [None, 55, 20])
def test_a_state_that_tells_one_stretch_by_its_first_day_and_its_bookmark(
    box: Sandbox, warehouse: _Warehouse, start: int | None
) -> None:
    warehouse.load(10, start_date=_day(40), lookback_days=0)
    marks = {
        "first_day": (_day(40) - date(1970, 1, 1)).days,
        "replication_key": "time",
        "replication_key_value": f"{_day(10)}T00:00:00.000Z",
    }
    warehouse.state = {"bookmarks": {_STREAM: marks}}
    _push(box, _day(10))
    box.forget_calls()
    warehouse.load(9, lookback_days=0, **({"start_date": _day(start)} if start else {}))
    read = {(int(call.query["from"]), int(call.query["to"])) for call in box.calls if call.path == "dimensiondata"}
    # Today is nine days before the last; the days from 40 to 12 days before that are known for good.
    assert sum(last - first + 1 for first, last in read) == {None: 730 - 31 + 3, 55: 15 + 3, 20: 3}[start]
    assert warehouse.points == warehouse.tenant(_day(_DAYS if start is None else max(start, 40)), _day(9))
    assert "first_day" not in warehouse.state["bookmarks"][_STREAM]


def test_a_bookmark_that_was_set_back_by_hand_has_the_days_after_it_read_again(
    box: Sandbox, warehouse: _Warehouse
) -> None:
    warehouse.load(5, start_date=_day(40), lookback_days=0)
    _push(box, _day(20))
    state = warehouse.state
    state["bookmarks"][_STREAM]["replication_key_value"] = f"{_day(25)}T00:00:00.000Z"
    warehouse.load(4, start_date=_day(40), lookback_days=0)
    assert warehouse.points == warehouse.tenant(_day(40), _day(4))


def test_days_of_another_tenant_vouch_for_nothing(warehouse: _Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    warehouse.load(5, start_date=_day(40), lookback_days=0)
    with Sandbox(companies=3, seed=4, days=_DAYS, today=_LAST) as other:
        moved = _Warehouse(other)
        moved.state = warehouse.state
        moved.load(4, start_date=_day(40), lookback_days=0)
        assert moved.points == moved.tenant(_day(40), _day(4))
    assert "base_url or region changed since the last run: reading all days again" in caplog.text
