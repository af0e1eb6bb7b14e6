"""Wrong settings end the command before the first request, name the setting, and quote no secret."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.tap_fuzz import command
from tests.tap_support import catalog_for, config_for, run_command, write_files

if TYPE_CHECKING:
    from pathlib import Path

_WRONG_SETTINGS = 2
# Nothing listens here: who asks anyway fails another way.
_NOWHERE = {"base_url": "http://127.0.0.1:9", "quota_store": ""}


@pytest.mark.parametrize("token", [12345678901, ["12345678901"], {"value": "12345678901"}])
def test_a_token_that_is_no_text_is_not_quoted(tmp_path: Path, token: Any) -> None:
    ended = run_command(*write_files(tmp_path, config={"api_token": token, **_NOWHERE}))
    assert ended.returncode == _WRONG_SETTINGS
    assert "api_token: must be text" in ended.stderr
    assert "12345678901" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "api_token"),
        ({"api_token": "t", "nps_expiry_days": 0}, "nps_expiry_days"),
        ({"api_token": "t", "partition_by": "dimension"}, "partition_by"),
        (
            {"api_token": "t", "partition_by": "company"},
            "(leave it out to keep one bookmark for all; company_ids narrows",
        ),
        ({"api_token": "t", "start_date": "2024-05-02", "end_date": "2024-05-01"}, "end_date: 2024-05-01 lies before"),
    ],
    ids=["missing", "out of range", "contradiction", "a part that is none", "no days"],
)
def test_each_kind_of_wrong_setting_ends_with_the_same_code(tmp_path: Path, config: dict[str, Any], named: str) -> None:
    ended = run_command(*write_files(tmp_path, config={**_NOWHERE, **config}))
    assert ended.returncode == _WRONG_SETTINGS
    assert named in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LOOKBACK_DAYS", "many", "lookback_days: must be a whole number of at least 0"),
        ("STREAM_MAPS", "[1", "stream_maps: must be a JSON object"),
    ],
)
def test_variables_of_the_wrong_type_are_named(name: str, value: str, told: str) -> None:
    variables = {
        "TAP_PLANHAT_API_TOKEN": "t",
        "TAP_PLANHAT_BASE_URL": _NOWHERE["base_url"],
        f"TAP_PLANHAT_{name}": value,
    }
    ended = run_command("--config=ENV", **variables)
    assert ended.returncode == _WRONG_SETTINGS
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


_NO_TOKEN = "api_token: is missing; create a private app in Planhat and use its token"


@pytest.mark.parametrize("config", [{}, {"api_token": None}, {"api_token": ""}, {"api_token": " "}])
@pytest.mark.parametrize("option", [[], ["--discover"], ["--test"]])
def test_a_missing_token_is_told_in_the_same_words(tmp_path: Path, config: dict[str, Any], option: list[str]) -> None:
    ended = command(*write_files(tmp_path, config={**_NOWHERE, **config}), *option)
    assert ended.code == _WRONG_SETTINGS
    assert len(ended.lines) == 1
    assert ended.lines[0].endswith(_NO_TOKEN)


@pytest.mark.parametrize("variables", [{}, {"TAP_PLANHAT_API_TOKEN": ""}])
def test_a_missing_token_is_told_where_variables_bring_the_settings(variables: dict[str, str]) -> None:
    ended = run_command("--config=ENV", "--discover", TAP_PLANHAT_BASE_URL="http://127.0.0.1:9", **variables)
    assert ended.returncode == _WRONG_SETTINGS
    assert _NO_TOKEN in ended.stderr


def test_null_stands_for_the_default(tmp_path: Path) -> None:
    with Sandbox(companies=1, seed=1, days=1) as box:
        config = {**config_for(box), "parallel_calls": None, "partition_by": None, "end_date": None}
        ended = run_command(*write_files(tmp_path, config=config, catalog=catalog_for(config_for(box), "companies")))
    assert ended.returncode == 0, ended.stderr


def test_a_setting_that_there_is_not_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    with Sandbox(companies=1, seed=1, days=1) as box:
        config = config_for(box, lookback_dais=3, nonsense=1, tenant_token=box.tenant_token)
        ended = run_command(*write_files(tmp_path, config=config, catalog=catalog_for(config, "companies")))
    assert ended.returncode == 0
    told = [line.partition("There is")[2] for line in ended.stderr.splitlines() if "There is" in line]
    assert told == [" no setting 'lookback_dais'. Did you mean 'lookback_days'?", " no setting 'nonsense'."]


def test_who_looks_for_a_setting_that_the_catalog_decides_on_is_told(tmp_path: Path) -> None:
    with Sandbox(companies=1, seed=1, days=1) as box:
        config = {**config_for(box), "incremental": True}
        ended = run_command(*write_files(tmp_path, config=config, catalog=catalog_for(config_for(box), "companies")))
    assert ended.returncode == 0
    assert "incremental has no effect: the catalog says which streams are incremental" in ended.stderr


def test_settings_that_there_are_no_longer_are_told_with_what_to_do(tmp_path: Path) -> None:
    with Sandbox(companies=1, seed=1, days=1) as box:
        gone = {"typed_custom_fields": False, "window_days": 3, "auth_method": "basic"}
        files = write_files(
            tmp_path, config={**config_for(box), **gone}, catalog=catalog_for(config_for(box), "companies")
        )
        ended = run_command(*files, TAP_PLANHAT_GIVE_UP_AFTER_SECONDS="3")
    assert ended.returncode == 0
    told = [line for line in ended.stderr.splitlines() if "any more" in line]
    assert len(told) == 4
    for text in (
        "typed_custom_fields has no effect any more: set custom_field_definitions",
        "window_days has no effect any more, take it out",
        "auth_method has no effect any more, take it out",
        "TAP_PLANHAT_GIVE_UP_AFTER_SECONDS: give_up_after_seconds has no effect any more: set timeout_seconds",
    ):
        assert text in ended.stderr


def test_a_misspelt_variable_is_told_and_those_of_meltano_are_not(tmp_path: Path) -> None:
    variables = {"LOOKBACK_DAIS": "3", "INCREMENTAL": "true", "_SELECT": '["*.*"]', "LOOKBACK_DAYS": "3"}
    with Sandbox(companies=1, seed=1, days=1) as box:
        config = config_for(box)
        files = write_files(tmp_path, config=config, catalog=catalog_for(config, "companies"))
        ended = run_command(*files, **{f"TAP_PLANHAT_{name}": value for name, value in variables.items()})
    assert ended.returncode == 0
    told = [line.rpartition("TAP_PLANHAT_")[2] for line in ended.stderr.splitlines() if "TAP_PLANHAT_" in line]
    assert len(told) == 2
    assert told[0] == "LOOKBACK_DAIS: there is no setting 'lookback_dais'. Did you mean 'lookback_days'?"
    assert told[1].startswith("INCREMENTAL: incremental has no effect: the catalog says which streams are incremental")


def test_a_region_that_does_not_exist_is_told_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = run_command(*write_files(tmp_path, config={"api_token": "t", "region": "zz9", "quota_store": ""}))
    assert ended.returncode == _WRONG_SETTINGS
    assert "no such host. Check region, 'zz9'" in ended.stderr
    assert time.monotonic() - began < 20


def test_a_variable_set_to_nothing_is_left_out(tmp_path: Path) -> None:
    with Sandbox(companies=3, seed=1, days=1) as box:
        config = config_for(box)
        options = write_files(tmp_path, config=config, catalog=catalog_for(config, "conversations"))
        ended = run_command(*options, "--config=ENV", TAP_PLANHAT_CONVERSATION_TYPES="")
        stored = len(box.rows("conversations"))
    assert ended.returncode == 0, ended.stderr
    records = [line for line in ended.stdout.splitlines() if json.loads(line)["type"] == "RECORD"]
    assert len(records) == stored > 0
