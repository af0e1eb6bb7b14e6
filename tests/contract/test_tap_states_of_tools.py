"""A state vouches for nothing that the loader lacks, also one that people and tools made."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.clock_support import standing_on
from tests.schedule_parts import Tenant, Warehouse
from tests.tap_support import Output, catalog_for, config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATHS = {"notes": "conversations"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=10, seed=3) as sandbox:
        yield sandbox


def _ids(box: Sandbox, stream: str) -> set[str]:
    return {row["_id"] for row in box.rows(_PATHS.get(stream, stream))}


class _Loader:
    """A warehouse and the state that goes with it."""

    def __init__(self) -> None:
        self.warehouse = Warehouse()
        self.state: dict[str, Any] = {}

    def run(self, config: dict[str, Any], stream: str) -> Output:
        output = run(config, stream, state=self.state)
        self.warehouse.load(output.messages)
        self.state = output.state
        return output

    def held(self, stream: str) -> set[str]:
        return set(self.warehouse.tables.get(stream, {}))


# A whole read with ACTIVATE_VERSION under other settings, between two incremental runs.


@pytest.mark.parametrize(
    ("stream", "narrow"),
    [
        ("tasks", {"include_archived": False}),
        ("endusers", {"include_archived": False}),
        ("conversations", {"conversation_types": ["note"]}),
    ],
)
def test_rows_that_a_narrower_whole_read_retired_come_again(
    box: Sandbox, stream: str, narrow: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The whole read retires rows; the bookmark of before still says that the loader has them."""
    loader = _Loader()
    wide = config_for(box, incremental=True, emit_activate_version_messages=True)
    loader.run(wide, stream)
    loader.run({**wide, "incremental": False, **narrow}, stream)
    caplog.clear()
    loader.run(wide, stream)
    missing = _ids(box, stream) - loader.held(stream)
    assert not missing


def test_rows_that_a_whole_read_of_another_tenant_retired_come_again(box: Sandbox) -> None:
    loader = _Loader()
    with Sandbox(companies=10, seed=4) as other:
        loader.run(config_for(box, incremental=True, emit_activate_version_messages=True), "companies")
        loader.run(config_for(other, emit_activate_version_messages=True), "companies")
        loader.run(config_for(box, incremental=True, emit_activate_version_messages=True), "companies")
    assert _ids(box, "companies") <= loader.held("companies")


def test_rows_that_a_whole_read_with_a_token_that_sees_less_retired_come_again(box: Sandbox) -> None:
    loader, tenant = _Loader(), Tenant(box, random.Random(1))
    wide = config_for(box, incremental=True, emit_activate_version_messages=True)
    loader.run(wide, "endusers")
    hidden = list(tenant.rows("endusers"))[::5]
    for row_id in hidden:
        tenant.hide("endusers", row_id)
    tenant.take_token("sees-less")
    loader.run(config_for(box, emit_activate_version_messages=True), "endusers")
    tenant.show_all()
    tenant.take_token(wide["api_token"])
    loader.run(wide, "endusers")
    assert set(hidden) <= loader.held("endusers")


# Stamps and bookmarks of days to come.


def test_one_stamp_of_a_day_to_come_does_not_hide_changes_of_a_server_whose_clock_is_behind() -> None:
    """Such a stamp puts the clock of this machine in the place of Planhat's."""
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    with Sandbox(companies=10, seed=3, today=yesterday) as box:
        loader, tenant = _Loader(), Tenant(box, random.Random(1))
        odd, edited, *_ = tenant.rows("endusers").values()
        tenant.put("endusers", {**odd, "updatedAt": "2099-01-01T00:00:00.000Z"})
        config = config_for(box, incremental=True)
        loader.run(config, "endusers")
        tenant.put("endusers", {**edited, "position": "Edited"}, stamp=tenant.stamp())
        for _ in range(2):
            loader.run(config, "endusers")
        assert loader.warehouse.tables["endusers"][edited["_id"]]["position"] == "Edited"


def test_a_bookmark_of_a_day_to_come_hides_no_change_for_good(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Such as one that was set while the clock of the machine was ahead, or by hand."""
    loader, tenant = _Loader(), Tenant(box, random.Random(1))
    edited = next(iter(tenant.rows("endusers").values()))
    config = config_for(box, incremental=True)
    loader.run(config, "endusers")
    ahead = datetime.now(timezone.utc) + timedelta(days=3)
    loader.state["bookmarks"]["endusers"]["replication_key_value"] = ahead.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    before = datetime.now(timezone.utc) - timedelta(hours=3)
    tenant.put("endusers", {**edited, "position": "Edited"}, stamp=before.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    caplog.clear()
    for _ in range(2):
        loader.run(config, "endusers")
    assert loader.warehouse.tables["endusers"][edited["_id"]]["position"] == "Edited"
    assert "The bookmark is in the future" in caplog.text


# States as tools and people make them.


def _merged(newer: dict[str, Any], older: dict[str, Any]) -> dict[str, Any]:
    """As Meltano puts the state of an interrupted run over the one before: objects are merged at any depth."""
    for name, value in newer.items():
        if isinstance(value, dict):
            _merged(value, older.setdefault(name, {}))
        else:
            older[name] = value
    return older


def test_an_interrupted_run_goes_on_where_it_was_also_once_meltano_merged_its_state() -> None:
    """What a state leaves out does not go away when Meltano merges it, so a filter of before stays in it."""
    with Sandbox(companies=3, seed=3, days=60, today=date(2026, 6, 30)) as box, standing_on(date(2026, 6, 30)):
        company = box.rows("companies")[0]["_id"]
        config = config_for(box, start_date="2026-05-01", lookback_days=0)
        former = run({**config, "company_ids": [company]}, "dimension_data").state
        interrupted = run(config, "dimension_data", state=former).state
        state = _merged(interrupted, json.loads(json.dumps(former)))
        box.forget_calls()
        run(config, "dimension_data", state=state)
        read = {(int(call.query["from"]), int(call.query["to"])) for call in box.calls if "from" in call.query}
        assert sum(last - first + 1 for first, last in read) <= 2


# Server that refuses a limit above its largest page (B27, Q4).


@pytest.mark.parametrize(
    ("stream", "settings"),
    [("endusers", {"incremental": True}), ("tasks", {"emit_activate_version_messages": True})],
)
def test_a_server_that_refuses_a_limit_above_its_largest_page(stream: str, settings: dict[str, Any]) -> None:
    with Sandbox(companies=10, seed=3, switches={"limit_above_max": "refuse", "page_max": 50}) as box:
        config = config_for(box, **settings)
        first = run(config, stream)
        run(config, stream, state=first.state)
        assert set(first.ids(stream)) == _ids(box, stream)


def test_a_whole_read_in_batches_activates_a_version_or_says_that_it_does_not(
    box: Sandbox, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    batch_config = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tmp_path.as_uri(), "prefix": ""},
    }
    output = run(config_for(box, emit_activate_version_messages=True, batch_config=batch_config), "companies")
    activated = [message["stream"] for message in output.messages if message["type"] == "ACTIVATE_VERSION"]
    assert activated == []
    assert "No ACTIVATE_VERSION for 'companies'" in caplog.text


# Catalogs and words.


def test_a_catalog_with_a_replication_key_that_tells_no_change_is_not_followed_in_silence(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """``valid-replication-keys`` names the one that does; by a day of creation no edit is ever read."""
    config = config_for(box, incremental=True)
    catalog = catalog_for(config, "endusers")
    entry = next(entry for entry in catalog["streams"] if entry["tap_stream_id"] == "endusers")
    entry["replication_key"] = "createDate"
    root = next(each["metadata"] for each in entry["metadata"] if not each["breadcrumb"])
    root["replication-key"] = "createDate"
    assert root["valid-replication-keys"] == ["updatedAt"]
    tenant = Tenant(box, random.Random(1))
    state = run(config, catalog=catalog).state
    edited = list(tenant.rows("endusers").values())[3]
    tenant.put("endusers", {**edited, "position": "Edited"}, stamp=tenant.stamp())
    second = run(config, catalog=catalog, state=state)
    assert edited["_id"] in second.ids("endusers")
    assert "The catalog names createDate as replication key of 'endusers'" in caplog.text


@pytest.mark.parametrize(
    ("stream", "before", "after", "setting"),
    [
        ("tasks", {}, {"include_archived": False}, "include_archived"),
        ("conversations", {}, {"conversation_types": ["note"]}, "conversation_types"),
    ],
)
def test_the_setting_that_costs_a_whole_read_is_named(  # noqa: PLR0917, PLR0913
    box: Sandbox,
    stream: str,
    before: dict[str, Any],
    after: dict[str, Any],
    setting: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = config_for(box, incremental=True)
    state = run({**config, **before}, stream).state
    caplog.clear()
    run({**config, **after}, stream, state=state)
    assert "changed since the last run" in caplog.text
    assert setting in caplog.text
