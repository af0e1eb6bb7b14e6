"""Rows of an import share one stamp: all of them come, in whichever order the server gives equal rows (Q22)."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from tests.tap_support import config_for, run

_STREAM = "endusers"


def _import(box: Sandbox, number: int) -> set[str]:
    """Change many rows at once."""
    stamp = box._tenant.clock.stamp()
    for row in box.rows(_STREAM)[:number]:
        box._tenant.store[_STREAM].put({**row, "position": "Imported", "updatedAt": stamp})
    return {row["_id"] for row in box.rows(_STREAM)[:number]}


def _second_run(box: Sandbox, number: int) -> tuple[set[str], set[str]]:
    """What an import changed, and what of it the next run brought."""
    config: dict[str, Any] = config_for(box, incremental=True, incremental_lookback_minutes=0)
    state = run(config, _STREAM).state
    changed = _import(box, number)
    box.forget_calls()
    records = run(config, _STREAM, state=state).records[_STREAM]
    return changed, {record["_id"] for record in records if record["position"] == "Imported"}


@pytest.mark.parametrize("equal_rows", ["stable", "changing"])
@pytest.mark.parametrize("page", [30, 80, 120])
def test_every_row_of_an_import_comes_with_the_next_run(
    equal_rows: str, page: int, caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox(companies=30, seed=3, switches={"equal_rows": equal_rows, "page_max": page}) as box:
        changed, came = _second_run(box, 250)
    assert came == changed
    assert "one answer cannot hold all rows that are equal): reading the whole list instead" in caplog.text


@pytest.mark.parametrize("equal_rows", ["stable", "changing"])
def test_an_import_that_fits_in_one_answer_costs_no_whole_read(
    equal_rows: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox(companies=40, seed=3, switches={"equal_rows": equal_rows, "page_max": 300}) as box:
        changed, came = _second_run(box, 250)
        calls = [call for call in box.calls if call.path == _STREAM]
    assert came == changed
    assert len(calls) == 2
    assert "reading the whole list" not in caplog.text
