"""Settings that cannot be read, from a file or from variables: one line that names the setting, no secret, code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import EXIT_REJECTS, EXIT_SETTINGS
from tests.target_support import connection, lines, records, schema

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from target_planhat.target import TargetPlanhat as t; t.cli()"]


def start(arguments: list[str], messages: list[dict[str, Any]], **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_"))}
    return subprocess.run(
        [*COMMAND, *arguments],
        input=lines(messages).decode(),
        env={**clean, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_rejects", ""),
        ("batch_size_rows", "many"),
        ("timeout_seconds", "2.5"),
        ("max_reject_percent", "12.5"),
        ("streams", ""),
        ("streams", "not json"),
        ("streams", "[]"),
    ],
)
def test_variables_that_do_not_fit(name: str, value: str) -> None:
    finished = start(["--config=ENV"], [], TARGET_PLANHAT_API_TOKEN="x", **{f"TARGET_PLANHAT_{name.upper()}": value})
    assert finished.returncode == EXIT_SETTINGS
    assert f"{name}: must be" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("name", ["api_token", "tenant_token"])
@pytest.mark.parametrize("value", [12345678901, ["12345678901"]])
def test_secrets_of_another_type_are_not_quoted(tmp_path: Path, name: str, value: Any) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_token": "x", name: value}))
    finished = start(["--config", str(file)], [])
    assert finished.returncode == EXIT_SETTINGS
    assert name in finished.stderr
    assert "12345678901" not in finished.stderr


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        (
            "int(name)",
            EXIT_REJECTS,
            "Rejected: companies, external_id=k: stream_maps: stream 'companies', property 'name'",
        ),
        ("int(nmae)", EXIT_SETTINGS, "the stream has no column 'nmae'; did you mean 'name'?"),
        ("int(name", EXIT_SETTINGS, "expression 'int(name': it is not written correctly"),
        ("config['api_token']", EXIT_SETTINGS, "config has no 'api_token'; it holds stream_map_config alone, no other"),
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
    assert finished.returncode == EXIT_SETTINGS
    assert "config['stream_maps']" in finished.stderr
    assert "Traceback" not in finished.stderr
