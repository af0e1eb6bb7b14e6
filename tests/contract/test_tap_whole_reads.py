"""A stream that was not proven to be read whole leaves out no row in silence, and retires none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.schedule_parts import between_calls
from tests.tap_support import Output, config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=10, seed=3) as sandbox:
        yield sandbox


def _config(box: Sandbox, **settings: Any) -> dict[str, Any]:
    return config_for(box, emit_activate_version_messages=True, **settings)


def _activated(output: Output) -> list[str]:
    return [message["stream"] for message in output.messages if message["type"] == "ACTIVATE_VERSION"]


@pytest.mark.parametrize("stream", ["notes", "conversations"])
def test_rows_that_do_not_tell_their_type_are_passed_on(
    box: Sandbox, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    box.set_switch("list_width", "lean")
    output = run(_config(box, conversation_types=["note"]), stream, "companies")
    assert set(output.ids(stream)) == {row["_id"] for row in box.rows("conversations")}
    assert _activated(output) == ["companies"]
    assert caplog.text.count(f"Some rows of '{stream}' have no type") == 1
    assert f"No ACTIVATE_VERSION for '{stream}'" in caplog.text


def test_a_single_row_without_type_is_passed_on_with_those_of_the_type(box: Sandbox) -> None:
    untold, *others = box.rows("conversations")
    for value in (None, {"name": "note"}, ["note"]):
        box._tenant.store["conversations"].put({**untold, "type": value})
        output = run(_config(box), "notes")
        assert set(output.ids("notes")) == {untold["_id"], *(row["_id"] for row in others if row["type"] == "note")}
        assert _activated(output) == []


@pytest.mark.parametrize(
    "switches",
    [
        {"sort": "ignored", "default_sort": "random", "page_max": 10},
        {"sort_ignored_fields": "_id", "default_sort": "random"},
    ],
    ids=["another order at each page", "one page in no order"],
)
def test_a_read_that_may_have_missed_rows_activates_no_version(
    box: Sandbox, caplog: pytest.LogCaptureFixture, switches: dict[str, Any]
) -> None:
    for name, position in switches.items():
        box.set_switch(name, position)
    assert _activated(run(_config(box), "endusers")) == []
    assert "Planhat ignores sort=_id" in caplog.text
    assert (
        "No ACTIVATE_VERSION for 'endusers', so the loader keeps rows that were deleted: the list was not in order"
        in caplog.text
    )


@pytest.mark.parametrize("order", ["insertion", "newest_first"])
def test_a_list_in_order_of_id_activates_a_version_whether_or_not_it_was_asked_for(box: Sandbox, order: str) -> None:
    box.set_switch("sort", "ignored")
    box.set_switch("default_sort", order)
    box.set_switch("page_max", 20)
    assert _activated(run(_config(box), "endusers")) == ["endusers"]


def _read_while_a_task_moves(box: Sandbox, at: int, *, archived: bool, stamped: bool = True) -> Output:
    """Read the tasks, one of which is archived, or brought back, before the call of this number."""
    moving = next(row for row in box.rows("tasks") if bool(row.get("isArchived")) is not archived)
    calls = iter(range(1000))

    def act() -> None:
        if next(calls) == at:
            stamp = {"updatedAt": box._tenant.clock.stamp()} if stamped else {}
            box._tenant.store["tasks"].put({**moving, "isArchived": archived, **stamp})

    with between_calls(act):
        return run(_config(box, parallel_calls=1, custom_field_definitions=False), "tasks")


@pytest.mark.parametrize("at", range(16))
@pytest.mark.parametrize("archived", [True, False])
@pytest.mark.parametrize("stamped", [True, False])
def test_a_task_that_moves_between_the_passes_is_found(
    box: Sandbox, at: int, caplog: pytest.LogCaptureFixture, *, archived: bool, stamped: bool
) -> None:
    box.set_switch("page_max", 12)
    output = _read_while_a_task_moves(box, at, archived=archived, stamped=stamped)
    assert set(output.ids("tasks")) == {row["_id"] for row in box.rows("tasks")}
    assert len(output.ids("tasks")) == len(box.rows("tasks"))
    # The oldest task of a list may go while the look at that list compares its two ends.
    assert _activated(output) == ["tasks"] or "No ACTIVATE_VERSION for 'tasks'" in caplog.text
    assert _activated(output) == ["tasks"] or at > 8


@pytest.mark.parametrize("switches", [{"sort_ignored_fields": "updatedAt"}, {"updated_at": "absent"}])
@pytest.mark.parametrize("at", range(6))
def test_where_a_task_that_moves_cannot_be_seen_no_version_is_activated(
    box: Sandbox, switches: dict[str, Any], at: int, caplog: pytest.LogCaptureFixture
) -> None:
    for name, position in switches.items():
        box.set_switch(name, position)
    assert _activated(_read_while_a_task_moves(box, at, archived=False)) == []
    assert "rows may have moved between two passes over the list" in caplog.text


def test_the_look_for_moved_tasks_costs_seven_calls_and_only_where_a_version_is_activated(box: Sandbox) -> None:
    config = _config(box)
    counts = []
    for settings in ({**config, "emit_activate_version_messages": False}, config):
        box.forget_calls()
        run(settings, "tasks")
        counts.append(len([call for call in box.calls if call.path == "tasks"]))
    assert counts[1] - counts[0] == 7
