"""A run makes no call more than it needs, and says nothing of a list that it did not read."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from planhat_api.models.registry import all_models, model_for_stream
from planhat_api.values import dates
from planhat_sandbox import Sandbox
from tests.tap_support import catalog_for, config_for, parsed, run, run_command, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.tap_support import Output

_SMALL = ("campaigns", "churn", "companies", "deals", "endusers", "licenses", "tickets", "workspaces")
_DAYS = "dimension_data"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=20, seed=3) as sandbox:
        yield sandbox


def _calls(box: Sandbox) -> Counter[str]:
    """How often each path was asked for since the last time."""
    made = Counter(call.path for call in box.calls)
    box.forget_calls()
    return made


def _run(box: Sandbox, config: Mapping[str, Any], *streams: str, **more: Any) -> tuple[Output, Counter[str]]:
    box.forget_calls()
    catalog = catalog_for(config, *streams)
    box.forget_calls()
    output = run(config, catalog=catalog, **more)
    return output, _calls(box)


def _later(days: int) -> Any:
    now = dates._now() + timedelta(days=days)
    return patch.object(dates, "_now", lambda: now)


def _paths(*streams: str) -> set[str]:
    return {model_for_stream(stream).path for stream in streams}


def test_a_first_run_proves_the_end_of_each_list_and_the_next_ones_do_not(box: Sandbox) -> None:
    config = config_for(box, custom_field_definitions=False)
    first, calls = _run(box, config, *_SMALL)
    assert calls == dict.fromkeys(_paths(*_SMALL), 2)
    state = first.state
    for _ in range(3):
        output, calls = _run(box, config, *_SMALL, state=state)
        state = output.state
        assert calls == dict.fromkeys(_paths(*_SMALL), 1)
        for stream in _SMALL:
            assert sorted(output.ids(stream)) == sorted(first.ids(stream))


def test_after_a_week_a_call_proves_the_ends_again(box: Sandbox) -> None:
    config = config_for(box, custom_field_definitions=False)
    state = _run(box, config, "deals")[0].state
    for days, expected in ((6, 1), (7, 2), (8, 1), (14, 2)):
        with _later(days):
            output, calls = _run(box, config, "deals", state=state)
        state = output.state
        assert calls["deals"] == expected, days


@pytest.mark.parametrize(
    "settings",
    [{"full_read_days": 0}, {"emit_activate_version_messages": True}, {"base_url": "localhost"}],
    ids=["by setting", "rows are deleted", "another source"],
)
def test_a_call_proves_the_end_where_others_rely_on_it(box: Sandbox, settings: dict[str, Any]) -> None:
    config = config_for(box, custom_field_definitions=False)
    state = _run(box, config, "deals")[0].state
    if "base_url" in settings:
        settings = {"base_url": box.url.replace("127.0.0.1", settings["base_url"])}
    _, calls = _run(box, {**config, **settings}, "deals", state=state)
    assert calls["deals"] == 2


def test_new_and_deleted_rows_come_with_one_call(box: Sandbox) -> None:
    config = config_for(box, custom_field_definitions=False)
    first = _run(box, config, "deals")[0]
    deals = box._tenant.store["deals"]
    row = box.rows("deals")[-1]
    deals.put({**row, "_id": "f" * 24, "name": "New"})
    deals.remove(box.rows("deals")[3]["_id"])
    output, calls = _run(box, config, "deals", state=first.state)
    assert calls["deals"] == 1
    assert sorted(output.ids("deals")) == sorted(row["_id"] for row in box.rows("deals"))


def test_definitions_of_custom_fields_are_read_once(box: Sandbox) -> None:
    config = config_for(box)
    output, calls = _run(box, config, "custom_fields", "companies")
    assert calls["customfields"] == 2
    assert sorted(output.ids("custom_fields")) == sorted(row["_id"] for row in box.rows("customfields"))
    again, calls = _run(box, config, "custom_fields", "companies", state=output.state)
    assert calls["customfields"] == 1
    assert sorted(again.ids("custom_fields")) == sorted(output.ids("custom_fields"))


def test_definitions_are_remembered_if_their_own_stream_is_not_selected(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box)
    files: dict[str, Any] = {"config": config, "catalog": catalog_for(config, "companies")}
    made = []
    for _ in range(3):
        box.forget_calls()
        done = run_command(*write_files(tmp_path, **files))
        files["state"] = parsed(done.stdout.splitlines()).state
        made.append(_calls(box)["customfields"])
    assert made == [2, 1, 1]


def test_definitions_are_proved_with_the_first_read_if_rows_are_deleted(box: Sandbox) -> None:
    config = config_for(box, emit_activate_version_messages=True)
    output, calls = _run(box, config, "custom_fields", "companies")
    assert calls["customfields"] == 2
    _, calls = _run(box, config, "custom_fields", "companies", state=output.state)
    assert calls["customfields"] == 2


def test_definitions_of_custom_fields_are_not_read_if_no_selected_stream_has_them(box: Sandbox) -> None:
    _, calls = _run(box, config_for(box), "companies_lean", _DAYS)
    assert "customfields" not in calls
    config = config_for(box)
    box.forget_calls()
    catalog = catalog_for(config, "companies", without={"companies": ["custom"]})
    box.forget_calls()
    run(config, catalog=catalog)
    assert "customfields" not in _calls(box)


@pytest.mark.parametrize("incremental", [False, True])
def test_a_quiet_run_reads_each_list_once(box: Sandbox, *, incremental: bool) -> None:
    streams = [each.stream for each in all_models().values() if "list" in each.operations and each.stream != _DAYS]
    config = config_for(box, incremental=incremental)
    state = run(config, catalog=catalog_for(config, *streams)).state
    output, calls = _run(box, config, *streams, state=state)
    passes = Counter(dict.fromkeys(_paths(*streams), 0))
    for stream in streams:
        passes[model_for_stream(stream).path] += len(model_for_stream(stream).passes)
    assert calls == passes
    assert output.states


def test_days_are_read_with_two_calls_if_it_is_known_how_many_points_a_day_has(box: Sandbox) -> None:
    config = config_for(box)
    first, calls = _run(box, config, _DAYS)
    # Three windows without points and one that holds all of them; a proof of its end.
    assert calls["dimensiondata"] == 5
    again, calls = _run(box, config, _DAYS, state=first.state)
    assert calls["dimensiondata"] == 2
    assert set(again.ids(_DAYS)) == set(first.ids(_DAYS))


def test_the_state_knows_a_list_only_when_its_rows_are_written(box: Sandbox) -> None:
    """Other lists are read before their turn. A run that ends then must not leave a state that covers them."""
    config = config_for(box, incremental=True)
    output = run(config, *_SMALL, "tasks", _DAYS)
    written: set[str] = set()
    wrong = []
    for message in output.messages:
        if message["type"] == "STATE":
            marks = message["value"].get("bookmarks", {})
            known = {name for name, mark in marks.items() if "lists" in mark or "replication_key_value" in mark}
            wrong += [(known, written)] if not known <= written else []
        elif message["type"] == "RECORD":
            written.add(message["stream"])
    assert not wrong
    assert written >= {*_SMALL, "tasks"}


def test_streams_come_one_after_the_other_although_their_lists_are_read_at_the_same_time(box: Sandbox) -> None:
    box.set_faults([{"kind": "latency", "seconds": 0.05, "method": "GET"}])
    output = run(config_for(box), *_SMALL)
    order = [message["stream"] for message in output.messages if message["type"] == "RECORD"]
    changes = [name for name, before in zip(order, ["", *order], strict=False) if name != before]
    assert len(changes) == len(set(changes)) == len(_SMALL)
    begun = sorted(box.calls, key=lambda call: call.at)
    together = max(
        sum(other.at < call.at + call.seconds and call.at < other.at + other.seconds for other in begun)
        for call in begun
    )
    assert 3 <= together <= 8


def test_a_list_that_is_refused_before_its_turn_is_skipped_at_its_turn(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.set_faults([{"kind": "status", "status": 403, "path": "deals"}])
    output = run(config_for(box), *_SMALL)
    assert set(output.records) == {*_SMALL} - {"deals"}
    assert caplog.text.count("Skipped 'deals'") == 1


def test_with_one_call_at_a_time_lists_are_read_in_order(box: Sandbox) -> None:
    config = config_for(box, parallel_calls=1, custom_field_definitions=False)
    catalog = catalog_for(config, *_SMALL)
    box.forget_calls()
    run(config, catalog=catalog)
    asked = [call.path for call in box.calls]
    assert asked == [model_for_stream(stream).path for stream in sorted(_SMALL) for _ in range(2)]


def test_a_list_that_cannot_be_read_newest_first_is_not_tried_again_before_a_week_is_over(box: Sandbox) -> None:
    box.set_switch("page_max", 20)
    box.set_switch("sort_ignored_fields", "updatedAt")
    config = config_for(box, incremental=True, custom_field_definitions=False, parallel_calls=1)
    state = _run(box, config, "endusers")[0].state
    tries = []
    for days in (0, 1, 2, 8, 9):
        with _later(days):
            box.forget_calls()
            state = run(config, "endusers", state=state).state
        tries.append(any(call.query.get("sort") == "-updatedAt" for call in box.calls))
    # On the eighth day all rows are read, and the bookmark needs the latest change.
    assert tries == [True, False, False, True, True]


def test_an_incremental_stream_is_read_whole_once_a_week(box: Sandbox) -> None:
    """Not every change moves the time of the last change, so that only a whole read shows it (B34, Q25)."""
    config = config_for(box, incremental=True, custom_field_definitions=False, incremental_lookback_minutes=0)
    first = run(config, "endusers")
    state, emitted = first.state, []
    for days in (1, 6, 7, 8, 13, 14):
        with _later(days):
            output = run(config, "endusers", state=state)
        state = output.state
        emitted.append(len(output.ids("endusers")))
    rows = len(first.ids("endusers"))
    assert [number == rows for number in emitted] == [False, False, True, False, False, True]


def test_a_bookmark_without_the_day_of_a_whole_read_counts_from_now(box: Sandbox) -> None:
    """A person may have written it, to read from that time on."""
    config = config_for(box, incremental=True, custom_field_definitions=False)
    mark = {"replication_key": "updatedAt", "replication_key_value": "2024-01-01T00:00:00.000Z"}
    whole = run(config, "endusers").state["bookmarks"]["endusers"]
    state = {"bookmarks": {"endusers": {**mark, "scope": whole["scope"], "source": whole["source"]}}}
    output = run(config, "endusers", state=state)
    assert output.state["bookmarks"]["endusers"]["read_all_on"] == dates.today()
    with _later(7):
        assert len(run(config, "endusers", state=output.state).ids("endusers")) == len(box.rows("endusers"))
