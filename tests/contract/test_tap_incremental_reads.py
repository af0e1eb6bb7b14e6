"""Incremental reads of models, with the server's habits in every position."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import Connection, PlanhatClient
from planhat_api.models.registry import model
from planhat_sandbox import Sandbox
from tests.schedule_parts import between_calls
from tests.tap_support import catalog_for, config_for, parsed, run, run_command, write_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_STREAM = "endusers"
_HABITS = [
    {},
    {"sort": "ignored"},
    {"sort": "ignored", "default_sort": "random"},
    {"sort": "ignored", "default_sort": "newest_first"},
    {"sort_ignored_fields": "updatedAt"},
    {"sort_nulls": "high", "updated_at": "some"},
    {"sort_nulls": "low", "updated_at": "some"},
    {"updated_at": "absent"},
    {"select": "ignored"},
]


def _named(switches: dict[str, Any]) -> str:
    return ",".join(f"{name}={position}" for name, position in switches.items()) or "default"


def _config(box: Sandbox, **settings: Any) -> dict[str, Any]:
    return config_for(box, incremental=True, incremental_lookback_minutes=0, **settings)


def _touch(box: Sandbox, config: Mapping[str, Any], stream: str, *ids: str) -> None:
    """Change rows, later than anything read before."""
    time.sleep(0.01)
    with PlanhatClient(Connection.from_settings(config)) as client:
        for key in ids:
            client.update(
                model(stream), key, {"firstName": "Changed"} if stream == "endusers" else {"action": "Changed"}
            )


def _stamped(rows: list[dict[str, Any]]) -> dict[str, str | None]:
    return {row["_id"]: row.get("updatedAt") for row in rows}


@pytest.mark.parametrize("switches", _HABITS, ids=_named)
def test_the_second_run_brings_every_change_and_little_else(switches: dict[str, Any]) -> None:
    with Sandbox(companies=30, seed=3, switches=switches) as box:
        config = _config(box)
        first = run(config, _STREAM)
        assert sorted(first.ids(_STREAM)) == sorted(row["_id"] for row in box.rows(_STREAM))
        changed = first.ids(_STREAM)[3:9:2]
        _touch(box, config, _STREAM, *changed)
        box.forget_calls()
        second = run(config, _STREAM, state=first.state)
    stamps = _stamped(first.records[_STREAM])
    unstamped = {key for key, stamp in stamps.items() if stamp is None}
    known = [stamp for stamp in stamps.values() if stamp]
    ties = {key for key, stamp in stamps.items() if known and stamp == max(known)}
    assert set(second.ids(_STREAM)) == {*changed, *unstamped, *ties}
    assert len(second.ids(_STREAM)) == len(set(second.ids(_STREAM)))
    if known:
        assert second.state["bookmarks"][_STREAM]["replication_key_value"] > max(known)


def test_a_quiet_tenant_costs_two_calls(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=30, seed=3, switches={"page_max": 20}) as box:
        config = _config(box, parallel_calls=1)
        state = run(config, _STREAM).state
        box.forget_calls()
        run(config, _STREAM, state=state)
        calls = [call for call in box.calls if call.path == _STREAM]
    assert len(calls) == 2
    assert "reading the whole list" not in caplog.text


def test_the_lookback_reads_again_what_is_near_the_bookmark() -> None:
    with Sandbox(companies=30, seed=3) as box:
        config = _config(box)
        first = run(config, _STREAM)
        stamps = sorted(stamp for stamp in _stamped(first.records[_STREAM]).values() if stamp)
        again = run({**config, "incremental_lookback_minutes": 60 * 24 * 365}, _STREAM, state=first.state)
    assert 10 < len(again.ids(_STREAM)) <= len(stamps)


def test_passes_over_hidden_rows_are_incremental_as_well() -> None:
    with Sandbox(companies=30, seed=3) as box:
        config = _config(box)
        first = run(config, "tasks")
        rows = box.rows("tasks")
        chosen = [
            next(row["_id"] for row in rows if bool(row.get("isArchived")) is archived) for archived in (True, False)
        ]
        _touch(box, config, "tasks", *chosen)
        second = run(config, "tasks", state=first.state)
    unstamped = {key for key, stamp in _stamped(first.records["tasks"]).items() if stamp is None}
    assert set(chosen) <= set(second.ids("tasks"))
    assert len(set(second.ids("tasks")) - unstamped - set(chosen)) <= 2


def test_a_run_that_dies_halfway_leaves_the_bookmark_where_it_was(tmp_path: Path) -> None:
    with Sandbox(companies=30, seed=3, switches={"page_max": 20}) as box:
        config = _config(box, timeout_seconds=2)
        state = run(config, _STREAM).state
        _touch(box, config, _STREAM, *[row["_id"] for row in box.rows(_STREAM)][:70])
        files = write_files(tmp_path, config=config, state=state, catalog=catalog_for(config, _STREAM))
        box.set_faults([{"kind": "status", "path": _STREAM, "nth": 3, "status": 403}])
        died = run_command(*files)
        box.set_faults([])
        half = parsed(died.stdout.splitlines())
        repaired = run(config, _STREAM, state=half.state)
    assert died.returncode == 3
    assert half.ids(_STREAM)
    assert half.state["bookmarks"][_STREAM] == state["bookmarks"][_STREAM]
    assert len(repaired.ids(_STREAM)) >= 70


def test_only_the_named_streams_are_incremental() -> None:
    with Sandbox(companies=3, seed=3) as box:
        config = _config(box, incremental_streams=["tasks"])
        state = run(config, "tasks", "endusers", "campaigns").state
    assert "replication_key_value" in state["bookmarks"]["tasks"]
    assert state["bookmarks"]["endusers"].keys() == {"lists"}


def test_a_file_of_hashes_leaves_no_row_out_any_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "hashes.sqlite"
    with Sandbox(companies=3, seed=3) as box:
        config = _config(box, content_hash_file=str(file))
        state = run(config, _STREAM).state
        state["bookmarks"][_STREAM]["content_run"] = {"history": "a", "number": 4}
        changed = box.rows(_STREAM)[0]
        _touch(box, config, _STREAM, changed["_id"])
        assert changed["_id"] in run(config, _STREAM, state=state).ids(_STREAM)
    assert not file.exists()
    assert "content_hash_file has no effect any more" in caplog.text


@pytest.mark.parametrize("days", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("switches", [{}, {"sort": "ignored"}, {"sort_nulls": "high"}], ids=_named)
def test_a_row_edited_while_the_first_run_reads_comes_again_whatever_the_server_s_clock_says(
    days: int, switches: dict[str, Any]
) -> None:
    today = datetime.now(timezone.utc).date() + timedelta(days=days)
    with Sandbox(companies=30, seed=3, today=today, switches={"page_max": 40, **switches}) as box:
        config = _config(box, parallel_calls=1)
        edited: list[str] = []

        def edit() -> None:
            calls = [call for call in box.calls if call.path == _STREAM and call.rows]
            # First a row that was read before, then one that is still to come.
            if rank := {3: 3, 6: -1}.get(len(calls)):
                row = box.rows(_STREAM)[rank]
                edited.append(row["_id"])
                box._tenant.store[_STREAM].put({**row, "updatedAt": box._tenant.clock.stamp()})
                time.sleep(0.01)

        with between_calls(edit):
            state = run(config, _STREAM).state
        second = run(config, _STREAM, state=state)
        third = run(config, _STREAM, state=second.state)
        # The sandbox's day begins at noon: before noon, its clock is ahead on the present day as well.
        is_ahead = box._tenant.clock.now() > datetime.now(timezone.utc)
    assert set(edited) <= set(second.ids(_STREAM))
    if is_ahead:
        return  # Stamps that lie in the future keep the bookmark back, which costs rows that come again.
    known = [stamp for stamp in _stamped(second.records[_STREAM]).values() if stamp]
    assert {key for key, stamp in _stamped(third.records[_STREAM]).items() if stamp} <= {
        key for key, stamp in _stamped(second.records[_STREAM]).items() if stamp == max(known)
    }


def test_a_stamp_from_a_day_to_come_keeps_no_later_change_from_being_read() -> None:
    with Sandbox(companies=3, seed=3) as box:
        config = _config(box)
        row, other, *_ = box.rows(_STREAM)
        box._tenant.store[_STREAM].put({**row, "updatedAt": "2099-01-01T00:00:00.000Z"})
        first = run(config, _STREAM)
        second = run(config, _STREAM, state=first.state)
        _touch(box, config, _STREAM, other["_id"])
        third = run(config, _STREAM, state=second.state)
    assert other["_id"] in third.ids(_STREAM)


@pytest.mark.parametrize(
    ("stream", "path", "narrow", "wide"),
    [
        ("endusers", "endusers", {"include_archived": False}, {}),
        ("tasks", "tasks", {"include_archived": False}, {}),
        ("conversations", "conversations", {"conversation_types": ["email"]}, {}),
    ],
    ids=["archived endusers", "archived tasks", "types"],
)
def test_rows_that_join_the_stream_later_come_whatever_the_bookmark(
    stream: str, path: str, narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    with Sandbox(companies=10, seed=4, days=1) as box:
        first = run(_config(box, **narrow), stream)
        assert len(first.ids(stream)) < len(box.rows(path))
        second = run(_config(box, **wide), stream, state=first.state)
        assert set(second.ids(stream)) == {row["_id"] for row in box.rows(path)}
