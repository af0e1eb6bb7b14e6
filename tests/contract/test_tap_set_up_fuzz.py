"""Whatever a file holds, the command ends with 0, or with 2 and one line beside those on unknown settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_sandbox import Sandbox
from tests.tap_fuzz import anything, changed, command, damaged, packed, places
from tests.tap_support import catalog_for, config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Documents = dict[str, Any]

_FIXED = ("api_token", "base_url", "quota_store")
_NASTY: list[Any] = [
    None, True, 0, -1, 10**18, 2**63, -(10**400), 1e300, float("nan"), "", "x", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "-9999999999999", "\ud800", 'a"b', "\x00", "_id", "INCREMENTAL", [], {}, [[]], [None],
    {"a": 1}, "9" * 5000,
]  # fmt: skip


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    """Files that are right, for a run with bookmarks of every kind."""
    switches = {"calls_per_minute": 0, "calls_per_second": 0}
    with Sandbox(companies=3, seed=1, days=3, endusers=4, switches=switches) as box:
        config = config_for(
            box,
            incremental_lookback_minutes=60,
            partition_by="dimension",
            dimension_ids=["logins"],
            lookback_days=3,
            timeout_seconds=1,
            end_date="2026-01-31",
            flattening_enabled=False,
            emit_activate_version_messages=False,
        )
        catalog = catalog_for({**config, "incremental": True}, "companies", "dimension_data")
        catalog["streams"] = [
            entry for entry in catalog["streams"] if entry["tap_stream_id"] in {"companies", "dimension_data", "users"}
        ]
        for entry in catalog["streams"]:
            kept = {"_id", "name", "custom", "lastUpdated", "updatedAt", "time"}
            properties = entry["schema"]["properties"]
            entry["schema"]["properties"] = {name: properties[name] for name in properties if name in kept}
            entry["metadata"] = [
                each for each in entry["metadata"] if not each["breadcrumb"] or each["breadcrumb"][-1] in kept
            ]
            custom = properties.get("custom", {})
            custom["properties"] = dict(list(custom.get("properties", {}).items())[:2])
        state = run(config, catalog=catalog).state
        yield {"config": config, "catalog": catalog, "state": state}


def _ends_well(folder: Path, documents: Documents, kind: str, content: bytes) -> None:
    options = []
    for name, document in documents.items():
        path = folder / f"{name}.json"
        path.write_bytes(content if name == kind else json.dumps(document).encode())
        options += [f"--{name}", str(path)]
    ended = command(*options)
    assert ended.code in {0, 2}, (ended, content)
    faults = [line for line in ended.lines if not line.startswith("There is no setting")]
    assert ended.code == 0 or len(faults) == 1, (ended, content)


@pytest.mark.parametrize("kind", ["config", "catalog", "state"])
def test_any_content_of_a_file(documents: Documents, kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp(kind)

    @settings(max_examples=60)
    @given(anything())
    def check(content: bytes) -> None:
        _ends_well(folder, documents, kind, content)

    check()


@pytest.mark.parametrize("kind", ["config", "catalog", "state"])
def test_a_file_in_which_a_few_things_are_not_as_they_were(
    documents: Documents, kind: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp(kind)
    monkeypatch.chdir(folder)
    fixed = {name: documents[kind][name] for name in _FIXED} if kind == "config" else {}

    @settings(max_examples=120)
    @given(damaged({name: value for name, value in documents[kind].items() if name not in fixed}), st.data())
    def check(value: Any, data: st.DataObject) -> None:
        # Where the tap connects to is not for chance to say.
        value = {**value, **fixed} if isinstance(value, dict) else value
        _ends_well(folder, documents, kind, data.draw(packed(value)))

    check()


@pytest.mark.parametrize("kind", ["state", "config"])
def test_any_value_of_a_few_that_are_seldom_thought_of(
    documents: Documents, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in places(documents[kind]):
        if place and place[0] not in _FIXED:
            for value in _NASTY:
                content = json.dumps(changed(documents[kind], place, value, "replace")).encode()
                _ends_well(tmp_path, documents, kind, content)
