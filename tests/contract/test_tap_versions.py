"""No version is activated after a read that is not proven, and rows that move in a list of no known order are found."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from planhat_api import PlanhatClient
from planhat_sandbox import Sandbox
from tap_planhat.streams import day_windows
from tests.clock_support import standing_on
from tests.schedule_parts import Tenant, Warehouse, between_calls
from tests.tap_support import catalog_for, config_for, run

if TYPE_CHECKING:
    from planhat_api import Page

_TODAY = date(2026, 6, 30)
_DAYS = "dimension_data"


def _warned(caplog: pytest.LogCaptureFixture) -> bool:
    return any(record.levelname == "WARNING" for record in caplog.records)


@pytest.mark.parametrize(
    ("stream", "mark"), [("issues", "archived"), ("conversations", "archived"), ("workflows", "isArchived")]
)
def test_a_row_that_was_archived_is_not_retired_where_lists_hide_archived_rows(
    stream: str, mark: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Q17: absence is not taken for deletion."""
    with Sandbox(companies=10, seed=3, switches={"archived_rows": "hidden"}) as box:
        tenant, warehouse = Tenant(box, random.Random(1)), Warehouse()
        config = config_for(box, emit_activate_version_messages=True)
        first = run(config, stream)
        warehouse.load(first.messages)
        row = tenant.rows(stream)[first.ids(stream)[0]]
        tenant.put(stream, {**row, mark: True}, stamp=tenant.stamp())
        warehouse.load(run(config, stream, state=first.state).messages)
    assert row["_id"] in warehouse.tables[stream]
    assert _warned(caplog)


def test_types_that_no_conversation_has_retire_nothing() -> None:
    """A type that is misspelt is told, but the loader has retired every row by then."""
    with Sandbox(companies=10, seed=3) as box:
        config = config_for(box, emit_activate_version_messages=True, conversation_types=["nte"])
        output = run(config, "conversations")
    assert not [message for message in output.messages if message["type"] == "ACTIVATE_VERSION"]


class _LatestChangeFirst:
    """Answers the list of points in an order of its own: a point that is corrected goes to the front."""

    def __init__(self, corrected: str, at_call: int) -> None:
        self._corrected, self._at_call = corrected, at_call
        self._calls = 0
        self._dice = random.Random(1)
        self._ranks = {corrected: 1.0}
        self._page = PlanhatClient.page

    def page(self, client: PlanhatClient, model: Any, **options: Any) -> Page:
        if model.path != "dimensiondata":
            return self._page(client, model, **options)
        whole = self._page(client, model, **{**options, "offset": 0, "limit": 100_000})
        for row_id in sorted(row_id for row_id in whole.ids if row_id):
            self._ranks.setdefault(row_id, self._dice.random() * 0.9)
        ranks = sorted(range(len(whole.ids)), key=lambda rank: self._ranks[whole.ids[rank] or ""])
        chosen = ranks[options["offset"] :][:100]
        self._calls += 1
        if self._calls == self._at_call:
            self._ranks[self._corrected] = -1.0
        raw = [whole.raw[rank] for rank in chosen]
        ids = [whole.ids[rank] for rank in chosen]
        body = b"[" + b",".join(map(bytes, raw)) + b"]"
        return replace(whole, offset=options["offset"], body=body, raw=raw, ids=ids, received=len(chosen))


def test_a_point_that_moves_while_days_are_read_is_not_left_out_for_good_without_a_word(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In which order this list stands is not known, and it cannot be sorted. Models warn in such a case."""
    with Sandbox(companies=3, seed=3, days=60, today=_TODAY, switches={"calls_per_second": 0}) as box:
        monkeypatch.setattr(day_windows, "_FIRST_DAYS", 60)
        config = config_for(box, start_date="2026-05-05", lookback_days=5, parallel_calls=1)
        wanted = {row["_id"]: row for row in box.rows("dimensiondata") if row["time"] >= "2026-05-05"}
        corrected = next(row_id for row_id, row in wanted.items() if row["time"] < "2026-05-10")
        server, warehouse = _LatestChangeFirst(corrected, at_call=2), Warehouse()
        with patch.object(PlanhatClient, "page", lambda self, *given, **options: server.page(self, *given, **options)):  # noqa: PLW0108 - binds the client
            state: dict[str, Any] = {}
            for days in (0, 1):
                with standing_on(_TODAY + timedelta(days=days)):
                    output = run(config, _DAYS, state=state)
                warehouse.load(output.messages)
                state = output.state
    assert set(warehouse.tables[_DAYS]) == set(wanted)
    assert "rows moved within the list" in caplog.text


@pytest.mark.parametrize("at", [2, 3, 4, 5])
def test_a_task_that_is_brought_back_without_a_stamp_of_its_change_is_not_retired(
    at: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether bringing a task back moves ``updatedAt`` stands in no fact; the look at what moved needs it."""
    with Sandbox(companies=10, seed=3, switches={"page_max": 8}) as box:
        tenant = Tenant(box, random.Random(1))
        first = min(tenant.rows("tasks").values(), key=lambda row: row["_id"])
        archived = {**first, "isArchived": True, "updatedAt": "2020-01-01T00:00:00.000Z"}
        tenant.put("tasks", archived)
        config = config_for(box, emit_activate_version_messages=True, parallel_calls=1, custom_field_definitions=False)
        catalog = catalog_for(config, "tasks")
        calls = iter(range(1000))
        with between_calls(
            lambda: tenant.put("tasks", {**archived, "isArchived": False}) if next(calls) == at else None
        ):
            output = run(config, catalog=catalog)
    activated = [message for message in output.messages if message["type"] == "ACTIVATE_VERSION"]
    assert archived["_id"] in output.ids("tasks") or not activated
