"""What the sandbox makes of the points of a day, and what it writes down about them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Fault
from planhat_sandbox.clock import day_number
from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = date(2024, 5, 20)
LONG_AGO = {"from": 0, "to": day_number(date(2021, 1, 1))}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=4, today=TODAY, frozen=True) as found:
        yield found


def point(**changes: Any) -> dict[str, Any]:
    given = {"dimensionId": "seats", "value": 5, "externalId": "C-00002", "model": "Company", "date": "2020-02-01"}
    return {**given, **changes}


def push(api: Api, *points: dict[str, Any]) -> None:
    path = f"dimensiondata/{api.box.tenant_token}"
    assert api.push(path, list(points)).json() == {"processed": len(points), "errors": []}


def shown(api: Api) -> dict[str, float]:
    return {row["time"][:10]: row["value"] for row in api.get("dimensiondata", **LONG_AGO)}


@pytest.mark.parametrize(
    ("position", "days"),
    [
        ("utc", ["2020-05-14", "2020-05-14", "2020-05-14", "2020-05-14", "2020-05-14", "2020-05-13"]),
        ("minus_8", ["2020-05-14", "2020-05-13", "2020-05-13", "2020-05-14", "2020-05-14", "2020-05-13"]),
        ("plus_9", ["2020-05-14", "2020-05-14", "2020-05-14", "2020-05-14", "2020-05-15", "2020-05-14"]),
    ],
)
def test_the_clock_that_ends_the_day_of_a_point(api: Api, position: str, days: list[str]) -> None:
    api.box.set_switch("metric_day", position)
    dates = [
        "2020-05-14",
        "2020-05-14T00:00:00.000Z",
        "2020-05-14T03:00Z",
        "2020-05-14T08:00:00Z",
        "2020-05-14T15:00:00Z",
        "2020-05-14T00:30:00+02:00",
    ]
    push(api, *(point(dimensionId=f"m{place}", date=text) for place, text in enumerate(dates)))
    assert [row["time"][:10] for row in api.get("dimensiondata", **LONG_AGO)] == days
    assert [cell["day"] for cell in api.box.metric_cells] == days


@pytest.mark.parametrize(("position", "day"), [("utc", "2024-05-20"), ("plus_9", "2024-05-21")])
def test_a_point_without_a_date_belongs_to_the_day_of_its_arrival(api: Api, position: str, day: str) -> None:
    api.box.set_switch("metric_day", position)
    api.box.advance(4 * 3600)
    push(api, {"dimensionId": "seats", "value": 1, "externalId": "C-00002"})
    assert [cell["day"] for cell in api.box.metric_cells] == [day]


@pytest.mark.parametrize("position", ["minus_8", "plus_9"])
@pytest.mark.parametrize("moment", ["9999-12-31T23:00:00Z", "0001-01-01T00:00:00Z"])
def test_the_first_and_the_last_day_there_are(api: Api, position: str, moment: str) -> None:
    api.box.set_switch("metric_day", position)
    push(api, point(date=moment))
    assert len(api.box.rows("dimensiondata")) == api.box.counts()["dimensiondata"]


@pytest.mark.parametrize(("position", "value"), [("arrival", 3), ("time", 2)])
def test_which_value_is_the_last(api: Api, position: str, value: float) -> None:
    api.box.set_switch("metric_combine", "last")
    api.box.set_switch("metric_last", position)
    times = ["T10:00:00Z", "T12:00:00Z", ""]
    push(api, *(point(value=place + 1, date=f"2020-02-01{time}") for place, time in enumerate(times)))
    assert shown(api) == {"2020-02-01": value}
    api.box.set_switch("metric_combine", "sum")
    assert shown(api) == {"2020-02-01": 6}


@pytest.mark.parametrize("position", ["arrival", "time"])
def test_a_pushed_value_is_later_than_a_seeded_one(api: Api, position: str) -> None:
    api.box.set_switch("metric_combine", "last")
    api.box.set_switch("metric_last", position)
    company = next(row["_id"] for row in api.box.rows("companies") if row.get("externalId") == "C-00002")
    query = {"cId": company, "dimid": "logins", "limit": 1}
    seeded = api.get("dimensiondata", **query)[0]
    push(api, point(dimensionId="logins", value=seeded["value"] + 7, date=seeded["time"][:10]))
    assert api.get("dimensiondata", **query)[0]["value"] == seeded["value"] + 7


@pytest.mark.parametrize(("position", "days"), [("kept", 3), ("missing", 1)])
def test_zero_may_count_as_missing(api: Api, position: str, days: int) -> None:
    api.box.set_switch("metric_zero", position)
    push(api, point(value=0), point(value=4, date="2020-02-02"), point(value=-4, date="2020-02-02"))
    push(api, point(value=0.0, date="2020-02-03"), point(value=1, date="2020-02-03"))
    assert len(shown(api)) == days
    assert shown(api)["2020-02-03"] == 1
    push(api, point(value=2))
    assert shown(api)["2020-02-01"] == 2


def test_each_point_has_a_delay_of_its_own_from_a_range(api: Api) -> None:
    api.box.set_switch("metrics_delay_seconds", "100-600")
    points = [point(value=1, date=f"2020-02-{day:02}") for day in range(1, 21)]
    push(api, *points)
    delays = [entry["readable_at"] - api.box.now for entry in api.box.metric_book]
    assert all(100 <= delay <= 600 for delay in delays)
    assert len(set(delays)) == 20
    for seconds in (99, 201, 100, 100, 100):
        api.box.advance(seconds)
        readable = [entry["item"]["date"] for entry in api.box.metric_book if entry["readable_at"] <= api.box.now]
        assert sorted(shown(api)) == readable
    assert len(shown(api)) == 20


def test_delays_depend_on_the_seed_and_on_the_order_of_arrival() -> None:
    def delays(seed: int, *calls: int) -> list[float]:
        switches = {"metrics_delay_seconds": "0-600"}
        with serving(companies=4, seed=seed, today=TODAY, frozen=True, switches=switches) as api:
            for number in calls:
                push(api, *[point()] * number)
            return [entry["readable_at"] - api.box.now for entry in api.box.metric_book]

    assert delays(3, 6) == delays(3, 2, 4)
    assert delays(3, 6) != delays(4, 6)


def test_the_book_has_each_accepted_point_in_order(api: Api) -> None:
    api.box.set_switch("metrics_delay_seconds", 30)
    points = [point(value=1), point(externalId="nobody"), point(value=2), point(value=1), point(externalId=12)]
    push(api, *points)
    book = api.box.metric_book
    assert [entry["item"] for entry in book] == api.box.metrics == points
    assert [entry["landed"] for entry in book] == [True, False, True, True, False]
    assert [entry["readable_at"] for entry in book] == [api.box.now + 30 if entry["landed"] else None for entry in book]
    cell = {"dimensionId": "seats", "model": "Company", "externalId": "C-00002", "day": "2020-02-01"}
    assert api.box.metric_cells == [{**cell, "values": [1, 2, 1]}]
    assert api.get("_sandbox/metrics/book") == book
    assert api.get("_sandbox/metrics/cells") == api.box.metric_cells
    assert api.box.landed_metrics == [points[0], points[2], points[3]]
    assert api.box.dropped_metrics == [points[1], points[4]]


def test_the_clock_can_be_moved_from_another_process(api: Api) -> None:
    began = api.box.now
    assert api.get("_sandbox/clock") == {"now": began, "frozen": True}
    assert api.put("_sandbox/clock", {"advance": 600.5}).json() == {"now": began + 600.5, "frozen": True}
    assert api.box.now == began + 600.5
    assert api.put("_sandbox/clock", {"frozen": False}).json()["frozen"] is False
    assert api.put("_sandbox/clock", {"frozen": True, "advance": 1}).json()["now"] > began + 601.5
    for wrong in ({"advance": -1}, {"advance": "1"}, {"frozen": 1}, {"now": 5}, [1], "x"):
        assert api.put("_sandbox/clock", wrong).status_code == 400
    api.put("companies", [{"externalId": "later", "name": "Later"}])
    stored = next(row for row in api.box.rows("companies") if row.get("externalId") == "later")
    assert stored["createDate"].startswith("2024-05-20T12:10:0")


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        ({"kind": "drop"}, 0),
        ({"kind": "drop", "processed": True}, 5),
        ({"kind": "drop", "processed_rows": 3}, 3),
        ({"kind": "drop", "processed_rows": 0}, 0),
        ({"kind": "drop", "processed": True, "processed_rows": 9}, 5),
        ({"kind": "status", "status": 503}, 0),
        ({"kind": "status", "status": 503, "processed": True}, 5),
        ({"kind": "status", "status": 503, "processed_rows": 2}, 2),
        ({"kind": "truncate"}, 5),
    ],
    ids=str,
)
def test_what_arrives_of_points_in_a_call_that_breaks_off(api: Api, fault: dict[str, Any], arrived: int) -> None:
    api.box.set_faults([{"path": "analytics-host/dimensiondata", **fault}])
    points = [point(value=place) for place in range(5)]
    path = f"dimensiondata/{api.box.tenant_token}"
    if fault["kind"] == "status":
        assert api.push(path, points).status_code == 503
    else:
        with pytest.raises(OSError, match=r"Connection|IncompleteRead"):
            api.push(path, points)
    assert api.box.metrics == points[:arrived]
    api.box.set_faults([])
    push(api, point(value=9))
    assert api.box.metrics == [*points[:arrived], point(value=9)]


def test_a_fault_takes_no_negative_number_of_rows() -> None:
    with pytest.raises(ValueError, match="processed_rows"):
        Fault("drop", processed_rows=-1)
