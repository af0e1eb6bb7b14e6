"""A bookmark says nothing of rows that come from elsewhere, or were hidden when it was set."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.schedule_parts import Tenant
from tests.tap_support import config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator

_STREAM = "endusers"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=10, seed=3) as sandbox:
        yield sandbox


def _config(box: Sandbox, **settings: Any) -> dict[str, Any]:
    return config_for(box, incremental=True, incremental_lookback_minutes=0, **settings)


def test_another_base_url_under_the_same_state_is_read_whole(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    state = run(_config(box), _STREAM).state
    with Sandbox(companies=10, seed=4) as other:
        second = run(_config(other), _STREAM, state=state)
        assert set(second.ids(_STREAM)) == {row["_id"] for row in other.rows(_STREAM)}
        assert f"base_url or region changed since the last run: reading all rows of '{_STREAM}' again" in caplog.text
        assert len(run(_config(other), _STREAM, state=second.state).ids(_STREAM)) <= 2


def test_a_token_that_sees_more_under_the_same_state_reads_all(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    tenant = Tenant(box, random.Random(1))
    hidden = list(tenant.rows(_STREAM))[::5]
    for row_id in hidden:
        tenant.hide(_STREAM, row_id)
    state = run(_config(box), _STREAM).state
    tenant.show_all()
    tenant.take_token("another-token")
    second = run(_config(box), _STREAM, state=state)
    assert set(hidden) <= set(second.ids(_STREAM))
    assert f"api_token changed since the last run: reading all rows of '{_STREAM}' again" in caplog.text
    assert len(run(_config(box), _STREAM, state=second.state).ids(_STREAM)) <= 2


def test_a_state_holds_too_little_of_a_token_to_tell_it(box: Sandbox) -> None:
    config = _config(box)
    source = run(config, _STREAM).state["bookmarks"][_STREAM]["source"]
    assert box.api_token not in json.dumps(source)
    assert len(source["token"]) == 4
    assert source == {"base_url": box.url, "token": source["token"], "passed_on": source["passed_on"]}


def test_a_state_that_does_not_tell_its_source_yet_goes_on(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    state = run(_config(box), _STREAM).state
    for name in ("source", "newest_seen"):
        del state["bookmarks"][_STREAM][name]
    second = run(_config(box), _STREAM, state=state)
    assert len(second.ids(_STREAM)) <= 2
    assert "source" in second.state["bookmarks"][_STREAM]
    assert "changed since the last run" not in caplog.text


def test_the_catalog_decides_from_run_to_run(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    config = _config(box, emit_activate_version_messages=True)
    state = run(config, _STREAM).state
    second = run({**config, "incremental": False}, _STREAM, state=state)
    assert len(second.ids(_STREAM)) == len(box.rows(_STREAM))
    assert [message["stream"] for message in second.messages if message["type"] == "ACTIVATE_VERSION"] == [_STREAM]
    assert second.state["bookmarks"][_STREAM] == state["bookmarks"][_STREAM]
    assert len(run(config, _STREAM, state=second.state).ids(_STREAM)) <= 2
    assert "eading all rows" not in caplog.text
