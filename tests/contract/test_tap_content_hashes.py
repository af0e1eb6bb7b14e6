"""Rows whose only change is the timestamp are left out on request, and no other row ever is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import Connection, PlanhatClient
from planhat_api.registry import model
from planhat_sandbox import Sandbox
from tests.tap_support import config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_STREAM = "endusers"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=10, seed=3, switches={"updated_at_on_equal": "moved"}) as sandbox:
        yield sandbox


def _config(box: Sandbox, folder: Path) -> dict[str, Any]:
    file = str(folder / "below" / "hashes.sqlite")
    return config_for(box, incremental=True, incremental_lookback_minutes=0, content_hash_file=file)


def _update(config: Mapping[str, Any], key: str, **change: Any) -> None:
    time.sleep(0.01)
    with PlanhatClient(Connection.from_settings(config)) as client:
        client.update(model(_STREAM), key, change)


def test_a_row_that_only_moved_in_time_is_left_out(box: Sandbox, tmp_path: Path) -> None:
    config = _config(box, tmp_path)
    first = run(config, _STREAM)
    assert len(first.ids(_STREAM)) == len(box.rows(_STREAM))
    named = [record for record in first.records[_STREAM] if record.get("firstName")]
    touched, changed = named[0]["_id"], named[1]["_id"]
    _update(config, touched, firstName=named[0]["firstName"])
    _update(config, changed, firstName="Changed")
    without = run({**config, "content_hash_file": None}, _STREAM, state=first.state)
    second = run(config, _STREAM, state=first.state)
    assert {touched, changed} <= set(without.ids(_STREAM))
    assert second.ids(_STREAM) == [changed]
    third = run(config, _STREAM, state=second.state)
    assert third.ids(_STREAM) == []


def test_what_a_run_passed_on_counts_only_when_its_state_comes_back(box: Sandbox, tmp_path: Path) -> None:
    config = _config(box, tmp_path)
    first = run(config, _STREAM)
    changed = first.ids(_STREAM)[0]
    _update(config, changed, firstName="Changed")
    lost = run(config, _STREAM, state=first.state)
    again = run(config, _STREAM, state=first.state)
    assert lost.ids(_STREAM) == again.ids(_STREAM) == [changed]


def test_a_lost_file_only_brings_rows_again(box: Sandbox, tmp_path: Path) -> None:
    config = _config(box, tmp_path)
    first = run(config, _STREAM)
    changed = first.ids(_STREAM)[0]
    _update(config, changed, firstName="Changed")
    (tmp_path / "below" / "hashes.sqlite").unlink()
    assert changed in run(config, _STREAM, state=first.state).ids(_STREAM)


def test_a_new_state_starts_over(box: Sandbox, tmp_path: Path) -> None:
    config = _config(box, tmp_path)
    run(config, _STREAM)
    assert len(run(config, _STREAM).ids(_STREAM)) == len(box.rows(_STREAM))


def test_two_pipelines_with_one_file_each_bring_every_change(box: Sandbox, tmp_path: Path) -> None:
    config = _config(box, tmp_path)
    first, other = run(config, _STREAM), run(config, _STREAM)
    assert sorted(first.ids(_STREAM)) == sorted(other.ids(_STREAM))
    changed = first.ids(_STREAM)[0]
    _update(config, changed, firstName="Changed")
    other_again, first_again = run(config, _STREAM, state=other.state), run(config, _STREAM, state=first.state)
    assert other_again.ids(_STREAM) == first_again.ids(_STREAM) == [changed]
