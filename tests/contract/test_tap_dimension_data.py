"""Dimension data by windows of days: every day, bookmarks, lookback, filters, partitions."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tap_planhat.records import page_stream
from tests.tap_support import catalog_for, config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TODAY = datetime.now(timezone.utc).date()
_DAYS = 90
_STREAM = "dimension_data"


@pytest.fixture(scope="module")
def seeded() -> Iterator[Sandbox]:
    with Sandbox(companies=8, seed=3, days=_DAYS) as sandbox:
        yield sandbox


@pytest.fixture
def box(seeded: Sandbox) -> Sandbox:
    seeded.forget_calls()
    return seeded


def _day(days_ago: int) -> str:
    return (_TODAY - timedelta(days=days_ago)).isoformat()


def _number(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def _spans(box: Sandbox) -> list[tuple[int, int]]:
    """First and last day of each call, in order, without calls for further pages."""
    spans = [(int(call.query["from"]), int(call.query["to"])) for call in box.calls if call.path == "dimensiondata"]
    return list(dict.fromkeys(spans))


def _bookmark(state: Mapping[str, Any]) -> str:
    value: str = state["bookmarks"][_STREAM]["replication_key_value"]
    return value


def _points(box: Sandbox, **wanted: Any) -> list[str]:
    rows = box.rows("dimensiondata")
    return [row["_id"] for row in rows if all(row[name] in values for name, values in wanted.items())]


def _since(box: Sandbox, days_ago: int) -> list[str]:
    first = _day(days_ago)
    return [row["_id"] for row in box.rows("dimensiondata") if row["time"][:10] >= first]


def test_every_point_arrives_once_and_every_day_is_asked_for_once(box: Sandbox) -> None:
    output = run(config_for(box, start_date=_day(_DAYS + 30)), _STREAM)
    assert Counter(output.ids(_STREAM)) == Counter(_points(box))
    spans = _spans(box)
    assert len(spans) > 1
    days = [day for first, last in spans for day in range(first, last + 1)]
    assert days == list(range(_number(_day(_DAYS + 30)), _number(_day(0)) + 1))
    assert _bookmark(output.state) == f"{_day(0)}T00:00:00.000Z"


def test_without_a_start_date_two_years_are_read(box: Sandbox) -> None:
    run(config_for(box), _STREAM)
    assert _spans(box)[0][0] == _number(_day(730))


@pytest.mark.parametrize("lookback", [0, 30])
def test_the_next_run_reads_from_the_bookmark_less_the_lookback(box: Sandbox, lookback: int) -> None:
    config = config_for(box, start_date=_day(60), lookback_days=lookback)
    state = run(config, _STREAM).state
    box.forget_calls()
    output = run(config, _STREAM, state=state)
    # The day before today may not be over by Planhat's clock (Q26).
    assert _spans(box)[0][0] == _number(_day(max(lookback, 1)))
    assert {record["time"][:10] for record in output.records.get(_STREAM, [])} <= {
        _day(ago) for ago in range(max(lookback, 1) + 1)
    }
    assert _without_density(output.state) == _without_density(state)


def _without_density(state: Mapping[str, Any]) -> dict[str, Any]:
    """The bookmark without the rows of a day, which are those of the last days that were read."""
    return {
        name: value for name, value in state["bookmarks"][_STREAM].items() if name not in {"rows_per_day", "in_order"}
    }


def test_a_bookmark_never_moves_back(box: Sandbox) -> None:
    state = run(config_for(box, start_date=_day(20)), _STREAM).state
    output = run(config_for(box, start_date=_day(20), end_date=_day(10)), _STREAM, state=state)
    assert _bookmark(output.state) == _bookmark(state)


def test_the_end_date_bounds_the_read_and_the_bookmark(box: Sandbox) -> None:
    output = run(config_for(box, start_date=_day(40), end_date=_day(10)), _STREAM)
    assert _spans(box)[-1][1] == _number(_day(10))
    assert max(record["time"][:10] for record in output.records[_STREAM]) == _day(10)
    assert _bookmark(output.state)[:10] == _day(10)


def test_filters_narrow_the_read(box: Sandbox) -> None:
    companies = sorted(row["_id"] for row in box.rows("companies"))[:2]
    dimensions = ["logins", "api-calls"]
    output = run(config_for(box, company_ids=companies, dimension_ids=dimensions), _STREAM)
    assert Counter(output.ids(_STREAM)) == Counter(_points(box, companyId=companies, dimensionId=dimensions))
    assert output.ids(_STREAM)


def test_changed_filters_start_over(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    state = run(config_for(box, dimension_ids=["logins"]), _STREAM).state
    output = run(config_for(box), _STREAM, state=state)
    assert Counter(output.ids(_STREAM)) == Counter(_points(box))
    assert "reading all days again" in caplog.text


def test_an_earlier_start_date_reads_the_days_before_the_bookmark_too(box: Sandbox) -> None:
    state = run(config_for(box, start_date=_day(20)), _STREAM).state
    output = run(config_for(box, start_date=_day(50)), _STREAM, state=state)
    assert Counter(output.ids(_STREAM)) == Counter(_since(box, 50))


def test_days_left_out_by_a_later_start_date_come_when_it_moves_back(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    first = run(config_for(box, start_date=_day(60), end_date=_day(50)), _STREAM)
    second = run(config_for(box, start_date=_day(10)), _STREAM, state=first.state)
    assert f"days from {_day(49)} to {_day(11)} are not read" in caplog.text
    third = run(config_for(box, start_date=_day(60)), _STREAM, state=second.state)
    assert Counter(third.ids(_STREAM)) == Counter(_since(box, 49))
    assert Counter(first.ids(_STREAM) + third.ids(_STREAM)) == Counter(_since(box, 60))


def test_full_table_reads_all_days_each_time_and_never_retires_any(box: Sandbox) -> None:
    config = config_for(box, start_date=_day(40), lookback_days=1, emit_activate_version_messages=True)
    catalog = catalog_for(config, _STREAM)
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["forced-replication-method"] = "FULL_TABLE"
        entry["replication_method"] = "FULL_TABLE"
    first = run(config, catalog=catalog)
    second = run(config, catalog=catalog, state=first.state)
    assert Counter(second.ids(_STREAM)) == Counter(_since(box, 40))
    assert "ACTIVATE_VERSION" not in {message["type"] for message in second.messages}


@pytest.mark.parametrize("fast", [True, False], ids=["bytes", "general"])
def test_partitions_keep_a_bookmark_each(box: Sandbox, monkeypatch: pytest.MonkeyPatch, *, fast: bool) -> None:
    monkeypatch.setattr(page_stream, "sdk_is_supported", lambda: fast)
    config = config_for(box, partition_by="dimension", dimension_ids=["logins", "api-calls"], start_date=_day(20))
    output = run(config, _STREAM)
    partitions = output.state["bookmarks"][_STREAM]["partitions"]
    assert [partition["context"] for partition in partitions] == [
        {"dimensionId": "api-calls"},
        {"dimensionId": "logins"},
    ]
    assert {partition["replication_key_value"][:10] for partition in partitions} == {_day(0)}
    later = run({**config, "dimension_ids": ["logins", "uptime"]}, _STREAM, state=output.state)
    assert {record["dimensionId"] for record in later.records[_STREAM]} == {"logins", "uptime"}
    assert len(later.state["bookmarks"][_STREAM]["partitions"]) == 3


@pytest.mark.parametrize("partition_by", ["none", "dimension"])
def test_bookmarks_of_companies_in_a_state_vouch_for_nothing(
    box: Sandbox, caplog: pytest.LogCaptureFixture, partition_by: str
) -> None:
    marks = {"first_day": 0, "replication_key": "time", "replication_key_value": f"{_day(0)}T00:00:00.000Z"}
    parts = [{"context": {"companyId": row["_id"]}, **marks} for row in box.rows("companies")]
    config = config_for(box, partition_by=partition_by, dimension_ids=["logins"], start_date=_day(20))
    output = run(config, _STREAM, state={"bookmarks": {_STREAM: {"partitions": parts}}})
    wanted = {row["_id"] for row in box.rows("dimensiondata") if row["time"][:10] >= _day(20)}
    assert set(output.ids(_STREAM)) == wanted & set(_points(box, dimensionId=["logins"]))
    assert "for 8 single companies, which are no longer used" in caplog.text
    left = output.state["bookmarks"][_STREAM]["partitions"]
    assert [part["context"] for part in left] == ([{"dimensionId": "logins"}] if partition_by == "dimension" else [])


def test_a_late_correction_within_the_lookback_comes_again_under_the_same_key(box: Sandbox) -> None:
    config = config_for(box, start_date=_day(20))
    first = run(config, _STREAM)
    again = run(config, _STREAM, state=first.state)
    assert set(again.ids(_STREAM)) == set(first.ids(_STREAM))
