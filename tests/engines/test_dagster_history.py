"""The history of dimension data in Dagster: every point lands once, whatever is repeated."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import dagster as dg

from dagster_planhat import Connector, History
from tests.engines.processes import CONNECTORS
from tests.engines.tenant import checks_of, failure_of, metadata_of, usual_tap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engines.tenant import Acme

HISTORY = "dimension_data_history"


def windows(acme: Acme, dimension: str) -> list[str]:
    """Windows of a dimension in which the sandbox has points."""
    days = [date.fromisoformat(row["time"][:10]) for row in acme.box.ask("rows/dimensiondata")]
    mondays = {day - timedelta(days=day.weekday()) for day in days}
    return [f"{dimension}|{monday}" for monday in sorted(mondays)]


def range_of(first: str, last: str) -> dict[str, str]:
    """The tags that Dagster gives a run with several partitions."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def test_all_partitions_together_hold_the_book_of_the_tenant(acme: Acme) -> None:
    acme.history = History(date(2026, 1, 1), find_dimensions_days=10)
    registered = acme.materialize("dimensions")
    assert registered.success
    keys = acme.instance.get_dynamic_partitions("planhat_acme_dimensions")
    book = acme.box.ask("rows/dimensiondata")
    assert sorted(keys) == sorted({row["dimensionId"] for row in book})
    # One run for all partitions, as a backfill with many windows in a run would make it.
    first, last = windows(acme, keys[0])[0], windows(acme, keys[-1])[-1]
    result = acme.materialize(HISTORY, tags=range_of(first, last))
    assert result.success
    assert acme.ids("dimension_data") == acme.box.ids("dimensiondata")
    assert checks_of(result) == [("rows_landed", "passed")]
    assert metadata_of(result, HISTORY)["planhat/rows_read"] == len(book)
    before = len(acme.box.calls)
    # A partition that is read again doubles nothing, and asks for nothing but its points.
    again = acme.materialize(HISTORY, partition_key=windows(acme, "logins")[1])
    assert again.success
    assert acme.ids("dimension_data") == acme.box.ids("dimensiondata")
    assert {call["path"] for call in acme.box.calls[before:]} == {"dimensiondata"}
    metadata = metadata_of(again, HISTORY)
    assert metadata["planhat/dimensions"] == "logins"
    assert metadata["planhat/rows_read"] == 6 * 7
    assert metadata["planhat/calls"] == len(acme.box.calls) - before


LOSES_A_ROW = """
import json, subprocess, sys
import sqlalchemy as sa
code = subprocess.run(sys.argv[1:]).returncode
settings = json.load(open(sys.argv[-1]))
table = settings["default_target_schema"] + ".dimension_data"
with sa.create_engine(settings["sqlalchemy_url"]).begin() as connection:
    connection.execute(sa.text(f"delete from {table} where _id = (select min(_id) from {table})"))
sys.exit(code)
"""


def test_the_check_finds_a_row_that_is_missing_and_one_that_is_too_many(acme: Acme, tmp_path: Path) -> None:
    acme.materialize("dimensions")
    key = windows(acme, "logins")[1]
    (tmp_path / "loses_a_row.py").write_text(LOSES_A_ROW)
    usual, acme.loader = acme.loader, [sys.executable, str(tmp_path / "loses_a_row.py"), *acme.loader]
    fewer = acme.materialize(HISTORY, partition_key=key)
    assert fewer.success
    assert checks_of(fewer) == [("rows_landed", "ERROR")]
    table = f'"{acme.schema}".dimension_data'
    columns = '"dimensionId", time'
    acme.query(f"insert into {table} (_id, {columns}) select 'more', {columns} from {table} limit 1")
    acme.loader = usual
    assert checks_of(acme.materialize(HISTORY, partition_key=key)) == [("rows_landed", "WARN")]


def test_the_present_window_is_read_up_to_today_and_checked_by_state_without_a_warehouse(acme: Acme) -> None:
    acme.has_warehouse = False
    acme.materialize("dimensions")
    today = datetime.now(timezone.utc).date()
    monday = today - timedelta(days=today.weekday())
    result = acme.materialize(HISTORY, partition_key=f"logins|{monday}")
    assert metadata_of(result, HISTORY)["planhat/days"] == f"{monday} to {today}"
    assert checks_of(result) == [("state_confirmed", "passed")]


def test_the_history_leaves_the_quota_to_the_streams_of_models(acme: Acme, tmp_path: Path) -> None:
    acme.materialize("dimensions")
    seen = tmp_path / "seen"
    program = f'cat "$2" >> {seen}; exec {acme.tap.command[0]} "$@"'
    acme.tap = Connector(["sh", "-c", program, "tap"], {"calls_per_minute": 9000})
    for priority, name, key in (("backfill", HISTORY, windows(acme, "logins")[1]), ("normal", "companies", None)):
        assert acme.materialize(name, partition_key=key).success
        assert f'"quota_priority": "{priority}"' in seen.read_text()
        seen.unlink()


def test_a_token_that_may_not_read_the_points_reads_no_partition(acme: Acme) -> None:
    acme.materialize("dimensions")
    acme.history = History(date(2026, 1, 1), find_dimensions_days=10)
    acme.box.ask("faults", [{"kind": "status", "status": 403, "path": "dimensiondata"}])
    try:
        results = [acme.materialize(HISTORY, partition_key=windows(acme, "logins")[1]), acme.materialize("dimensions")]
    finally:
        acme.box.ask("faults", [])
    for result in results:
        assert not result.success
        assert "the token may not read dimension_data" in failure_of(result)
        assert not result.get_asset_materialization_events()


def test_an_error_of_the_settings_is_not_tried_again_and_another_one_is(acme: Acme, tmp_path: Path) -> None:
    acme.retries = dg.RetryPolicy(max_retries=1, delay=0)
    acme.dimensions = ("logins",)
    acme.materialize("dimensions")
    key = windows(acme, "logins")[0]
    acme.tap = Connector([str(CONNECTORS / "tap-planhat")], {"region": "no region"})
    result = acme.materialize(HISTORY, partition_key=key)
    assert not result.success
    assert "tap ended with 2: " in failure_of(result)
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    # The first try of the loader fails.
    (tmp_path / "fails_once.sh").write_text(
        f'#!/bin/sh\nif [ -e {tmp_path}/tried ]; then exec "$@"; fi\n: > {tmp_path}/tried\nexit 1\n'
    )
    acme.tap = usual_tap()
    acme.loader = ["sh", str(tmp_path / "fails_once.sh"), *acme.loader]
    result = acme.materialize(HISTORY, partition_key=key)
    assert result.success
    assert [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert len(acme.ids("dimension_data")) == len(set(acme.ids("dimension_data"))) > 0
