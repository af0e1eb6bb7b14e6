"""Settings that cannot be read, from a file or from variables: one line that names the setting, no secret, code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import EXIT_INPUT, EXIT_SETTINGS
from tests.target_support import connection, lines, stream

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


def test_a_stream_map_that_fails_tells_no_value(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    with Sandbox(companies=1, seed=1) as box:
        maps = {"companies": {"name": "int(name)"}}
        file.write_text(json.dumps(connection(box, stream_maps=maps)))
        finished = start(["--config", str(file)], stream("companies", [{"external_id": "k", "name": "PII-VALUE"}]))
    assert finished.returncode in {EXIT_SETTINGS, EXIT_INPUT}
    assert "PII-VALUE" not in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "stream_maps" in finished.stderr
