"""A bookmark vouches for no row that the loader did not get, and days that nobody read are read."""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.http import body, transport
from planhat_sandbox import Sandbox
from tap_planhat.records import page_stream
from tap_planhat.streams import day_windows
from tests.clock_support import standing_on
from tests.contract.sandbox_calls import Api
from tests.schedule_parts import Tenant, Warehouse, between_calls
from tests.tap_support import Output, catalog_for, config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator

_TODAY = date(2026, 6, 30)
_DAYS = "dimension_data"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=10, seed=3) as sandbox:
        yield sandbox


@pytest.fixture
def days() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=3, days=60, today=_TODAY) as sandbox:
        yield sandbox


def _warned(caplog: pytest.LogCaptureFixture) -> bool:
    return any(record.levelname == "WARNING" for record in caplog.records)


def _on(day: date, config: dict[str, Any], **options: Any) -> Output:
    with standing_on(day):
        return run(config, _DAYS, **options)


# What the tap itself keeps from the loader.


@pytest.mark.parametrize("maps", [{"__filter__": "False"}, {"__filter__": "position == 'CEO'"}, {"position": "'x'"}])
def test_rows_that_stream_maps_kept_back_or_changed_come_once_the_maps_change(
    box: Sandbox, maps: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    config, warehouse = config_for(box, incremental=True), Warehouse()
    first = run({**config, "stream_maps": {"endusers": maps}}, "endusers")
    warehouse.load(first.messages)
    caplog.clear()
    warehouse.load(run(config, "endusers", state=first.state).messages)
    held = {key: row.get("position") for key, row in warehouse.tables["endusers"].items()}
    wanted = {row["_id"]: row.get("position") for row in box.rows("endusers")}
    assert held == wanted
    assert "stream_maps or flattening changed since the last run" in caplog.text


def test_a_stream_that_stream_maps_leave_out_moves_no_bookmark(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    config = config_for(box, incremental=True)
    first = run({**config, "stream_maps": {"endusers": None}}, "endusers")
    assert not first.ids("endusers")
    caplog.clear()
    second = run(config, "endusers", state=first.state)
    assert len(second.ids("endusers")) == len(box.rows("endusers"))
    assert _warned(caplog)


def test_days_that_stream_maps_left_out_were_not_read(days: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    config = config_for(days, start_date="2026-05-05", lookback_days=0)
    first = _on(_TODAY, {**config, "stream_maps": {_DAYS: None}})
    assert not first.ids(_DAYS)
    caplog.clear()
    second = _on(_TODAY + timedelta(days=1), config, state=first.state)
    wanted = {row["_id"] for row in days.rows("dimensiondata") if row["time"] >= "2026-05-05"}
    assert set(second.ids(_DAYS)) == wanted
    assert _warned(caplog)


def test_points_of_a_narrower_selection_come_whole_once_more_fields_are_selected(
    days: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    config, warehouse = config_for(days, start_date="2026-05-05", lookback_days=0), Warehouse()
    first = _on(_TODAY, config, without={_DAYS: ["value"]})
    warehouse.load(first.messages)
    caplog.clear()
    warehouse.load(_on(_TODAY + timedelta(days=1), config, state=first.state).messages)
    assert all("value" in row for row in warehouse.tables[_DAYS].values())
    assert _warned(caplog)


# Equal rows at the end of a list.


def test_a_row_at_the_end_of_equal_rows_is_not_lost_when_a_row_is_deleted_meanwhile() -> None:
    """The look at what follows a page of equal rows is not proven to follow on from it."""
    with Sandbox(companies=8, seed=3, switches={"page_max": 6}) as box:
        tenant, warehouse = Tenant(box, random.Random(1)), Warehouse()
        config = config_for(box, incremental=True, incremental_lookback_minutes=0, custom_field_definitions=False)
        catalog = catalog_for(config, "companies")
        *equal, latest, gone = tenant.rows("companies").values()
        tenant.remove("companies", gone["_id"])
        output = run(config, catalog=catalog)
        warehouse.load(output.messages)
        for row in equal:
            tenant.put("companies", {**row, "description": "New"}, stamp="2026-06-01T00:00:00.000Z")
        tenant.put("companies", {**latest, "description": "New"}, stamp="2026-06-02T00:00:00.000Z")
        calls = iter(range(100))
        with between_calls(lambda: tenant.remove("companies", latest["_id"]) if next(calls) == 1 else None):
            output = run(config, catalog=catalog, state=output.state)
        warehouse.load(output.messages)
        warehouse.load(run(config, catalog=catalog, state=output.state).messages)
    assert [warehouse.tables["companies"][row["_id"]]["description"] for row in equal] == ["New"] * 6


# Days.


def test_a_day_that_was_not_over_for_planhat_is_read_again_though_the_clock_here_was_ahead(days: Sandbox) -> None:
    """As with a machine whose clock is some hours ahead, around midnight."""
    config, warehouse = config_for(days, start_date="2026-06-20", lookback_days=0), Warehouse()
    output = _on(_TODAY + timedelta(days=1), config)
    warehouse.load(output.messages)
    company = days.rows("companies")[0]["externalId"]
    point = {"dimensionId": "logins", "value": 4242, "externalId": company, "model": "Company", "date": str(_TODAY)}
    Api(days).push(f"dimensiondata/{days.tenant_token}", [point])
    for later in (1, 2):
        output = _on(_TODAY + timedelta(days=later), config, state=output.state)
        warehouse.load(output.messages)
    wanted = {row["_id"]: row["value"] for row in days.rows("dimensiondata") if row["time"] >= "2026-06-20"}
    assert {key: row["value"] for key, row in warehouse.tables[_DAYS].items()} == wanted


def test_a_bookmark_alone_does_not_vouch_for_days_before_it_that_nobody_asked_for(
    days: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """A state that somebody wrote by hand, or cut down to its bookmark, under a start date that moved since."""
    first = _on(_TODAY, config_for(days, start_date="2026-06-01"))
    marks = first.state["bookmarks"][_DAYS]
    state = {"bookmarks": {_DAYS: {name: marks[name] for name in ("replication_key", "replication_key_value")}}}
    caplog.clear()
    second = _on(_TODAY, config_for(days, start_date="2026-05-05"), state=state)
    wanted = {row["_id"] for row in days.rows("dimensiondata") if row["time"] >= "2026-05-05"}
    # Whoever writes a bookmark means that reading goes on there, which is told.
    assert {*first.ids(_DAYS), *second.ids(_DAYS)} < wanted
    assert "the days before it count as read" in caplog.text


def test_a_run_that_was_stopped_goes_on_from_there_within_the_lookback_too(
    days: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run that is stopped again and again never comes to the latest days."""
    monkeypatch.setattr(page_stream, "_STATE_INTERVAL", -1.0)
    monkeypatch.setattr(day_windows, "_FIRST_DAYS", 1)
    config = config_for(days, start_date="2026-06-06", parallel_calls=1)
    states = _on(_TODAY, config).states
    stopped = states[len(states) // 2]
    reached = stopped["bookmarks"][_DAYS]["replication_key_value"][:10]
    assert "2026-06-06" < reached < "2026-06-30"
    second = _on(_TODAY, config, state=stopped)
    times = [row["time"][:10] for row in second.records[_DAYS]]
    latest = max(times)
    assert latest > reached
    assert all(time > reached for time in times[: times.index(latest)])
    assert min(times) == "2026-06-06"


# A list that is empty in one place.


def test_tasks_that_are_all_archived_are_read_incrementally_too(box: Sandbox) -> None:
    tenant = Tenant(box, random.Random(1))
    for number, row in enumerate(tenant.rows("tasks").values()):
        tenant.put("tasks", {**row, "isArchived": True, "updatedAt": f"2026-01-01T00:{number:02}:00.000Z"})
    config = config_for(box, incremental=True, incremental_lookback_minutes=0)
    state = run(config, "tasks").state
    state = run(config, "tasks", state=state).state
    assert len(run(config, "tasks", state=state).ids("tasks")) <= 2


def test_a_change_of_base_url_is_told_once_also_where_the_list_is_empty(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    state = run(config_for(box, incremental=True), "issues").state
    with Sandbox(companies=3, seed=4) as other:
        tenant = Tenant(other, random.Random(1))
        for row_id in tenant.rows("issues"):
            tenant.remove("issues", row_id)
        config = config_for(other, incremental=True)
        state = run(config, "issues", state=state).state
        assert "base_url or region changed since the last run" in caplog.text
        caplog.clear()
        run(config, "issues", state=state)
        assert "changed since the last run" not in caplog.text


# Fronts of lists, which are asked for without the care that pages get.


@pytest.mark.parametrize(
    ("stream", "settings"),
    [("endusers", {"incremental": True}), ("tasks", {"emit_activate_version_messages": True})],
)
def test_answers_that_are_too_large_for_this_process_are_asked_for_in_parts(
    box: Sandbox, stream: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole read halves its pages in such a case; a look at the front of the list ends the run."""
    monkeypatch.setattr(transport, "read_body", partial(body.read_body, most_bytes=5_000))
    config = config_for(box, **settings, custom_field_definitions=False)
    assert set(run({**config, "incremental": False, "emit_activate_version_messages": False}, stream).ids(stream))
    assert set(run(config, stream).ids(stream)) == {row["_id"] for row in box.rows(stream)}


@pytest.mark.parametrize("page", [0, 30])
def test_a_list_without_stamps_is_said_to_cost_a_whole_read_each_time(
    box: Sandbox, page: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Where rows tell no last change, ``incremental`` saves nothing, and the user should know it."""
    box.set_switch("updated_at", "absent")
    box.set_switch("page_max", page)
    config = config_for(box, incremental=True)
    state = run(config, "endusers").state
    second = run(config, "endusers", state=state)
    assert len(second.ids("endusers")) == len(box.rows("endusers"))
    assert _warned(caplog)
