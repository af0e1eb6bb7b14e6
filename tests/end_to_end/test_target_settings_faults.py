"""Settings that cannot be read, from a file or from variables: one line that names the setting, no secret, code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from planhat_api.plugin.exit_codes import ExitCode
from planhat_sandbox import Sandbox
from tests.target_support import connection, lines, records, schema
from tests.warm_commands import TARGET, run_warm

COMMAND = [str(Path(sys.executable).with_name("target-planhat"))]


def start(arguments: list[str], messages: list[dict[str, Any]], **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_"))}
    done = run_warm(TARGET, *arguments, given=lines(messages), env={**clean, **variables})
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_rejects", ""),
        ("batch_size_rows", "many"),
        ("timeout_seconds", "2.5"),
        ("max_rejects", "12.5%"),
        ("max_rejects", "101%"),
        ("max_rejects", "-1"),
        ("streams", ""),
        ("streams", "not json"),
        ("streams", "[]"),
    ],
)
def test_variables_that_do_not_fit(name: str, value: str) -> None:
    finished = start(["--config=ENV"], [], TARGET_PLANHAT_API_TOKEN="x", **{f"TARGET_PLANHAT_{name.upper()}": value})
    assert finished.returncode == ExitCode.SETTINGS
    assert f"{name}: must be" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("name", ["api_token", "tenant_token"])
@pytest.mark.parametrize("value", [12345678901, ["12345678901"]])
def test_secrets_of_another_type_are_not_quoted(tmp_path: Path, name: str, value: Any) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_token": "x", name: value}))
    finished = start(["--config", str(file)], [])
    assert finished.returncode == ExitCode.SETTINGS
    assert name in finished.stderr
    assert "12345678901" not in finished.stderr


_NO_TOKEN = "api_token: is missing; create a private app in Planhat and use its token"


@pytest.mark.parametrize("config", [{}, {"api_token": None}, {"api_token": ""}, {"api_token": " "}])
def test_a_missing_token_is_told_in_the_same_words(tmp_path: Path, config: dict[str, Any]) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    finished = start(["--config", str(file)], [])
    assert finished.returncode == ExitCode.SETTINGS
    assert _NO_TOKEN in finished.stderr


@pytest.mark.parametrize("variables", [{}, {"TARGET_PLANHAT_API_TOKEN": ""}])
def test_a_missing_token_is_told_where_variables_bring_the_settings(variables: dict[str, str]) -> None:
    finished = start(["--config=ENV"], [], **variables)
    assert finished.returncode == ExitCode.SETTINGS
    assert _NO_TOKEN in finished.stderr


def test_a_setting_that_there_is_not_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_token": "x", "max_rejcts": 3}))
    finished = start(["--config", str(file)], [])
    assert "There is no setting 'max_rejcts'. Did you mean 'max_rejects'?" in finished.stderr


def test_a_misspelt_variable_is_told(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_token": "x"}))
    finished = start(["--config", str(file)], [], TARGET_PLANHAT_MAX_REJCTS="3")
    assert "TARGET_PLANHAT_MAX_REJCTS: there is no setting 'max_rejcts'. Did you mean 'max_rejects'?" in finished.stderr


def test_a_region_that_does_not_exist_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_token": "x", "region": "zz9", "quota_store": ""}))
    began = time.monotonic()
    rows = records("companies", [{"external_id": "k", "name": "One"}])
    finished = start(["--config", str(file)], [schema("companies", ["external_id", "name"], "external_id"), *rows])
    assert finished.returncode == ExitCode.SETTINGS
    assert "no such host. Check region, 'zz9'" in finished.stderr
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        (
            "int(name)",
            ExitCode.REJECTS,
            "Rejected: companies, external_id=k: stream_maps: stream 'companies', property 'name'",
        ),
        ("int(nmae)", ExitCode.SETTINGS, "the stream has no column 'nmae'; did you mean 'name'?"),
        ("int(name", ExitCode.SETTINGS, "expression 'int(name': it is not written correctly"),
        (
            "config['api_token']",
            ExitCode.SETTINGS,
            "config has no 'api_token'; it holds stream_map_config alone, no other",
        ),
    ],
)
def test_a_stream_map_that_fails_is_named_and_tells_no_value(tmp_path: Path, text: str, code: int, why: str) -> None:
    file = tmp_path / "config.json"
    announced = schema("companies", ["external_id", "name"], "external_id")
    with Sandbox(companies=1, seed=1) as box:
        file.write_text(json.dumps(connection(box, stream_maps={"companies": {"name": text}})))
        rows = records("companies", [{"external_id": "k", "name": "PII-VALUE"}])
        finished = start(["--config", str(file)], [announced, *rows])
    assert finished.returncode == code
    assert why in finished.stderr
    assert "PII-VALUE" not in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("maps", [{"companies": {"__else__": "x"}}, {"__else__": "x"}, {"companies": {"name": 5}}])
def test_stream_maps_of_the_wrong_form_are_named(tmp_path: Path, maps: Any) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_token": "x", "stream_maps": maps}))
    finished = start(["--config", str(file)], [])
    assert finished.returncode == ExitCode.SETTINGS
    assert "config['stream_maps']" in finished.stderr
    assert "Traceback" not in finished.stderr
