"""The settings for wide tables of metrics in their Meltano form, through Meltano itself."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from planhat_sandbox import Sandbox
from tests.end_to_end.meltano_project import MELTANO, ROOT, MeltanoProject
from tests.end_to_end.test_target_docs import EXAMPLE, contains
from tests.target_support import lines, stream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)

PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
(FORM,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BEFORE = PAGE[: PAGE.index(FORM)]
SETTINGS, GIVEN, WANTED = EXAMPLE.findall(BEFORE)[-1]
DOTTED = {"streams": {"usage": {"model": "metrics", "points": {"m.logins": "a", "m.dimension": {"dimension": "b.c"}}}}}
NUMERIC = {"streams": {"usage": {"model": "metrics", "points": "numeric"}}}


def metrics_sent(folder: Path, config: Mapping[str, Any], given: bytes) -> list[dict[str, Any]]:
    """The points that Planhat got from a loader with this `config`."""
    project = MeltanoProject.of_commands(
        folder, loaders=[{"name": "wide", "inherit_from": "target-planhat", "config": config}]
    )
    with Sandbox(companies=1, seed=1) as box:
        environment = project.environment(
            TARGET_PLANHAT_API_TOKEN=box.api_token,
            TARGET_PLANHAT_TENANT_TOKEN=box.tenant_token,
            TARGET_PLANHAT_BASE_URL=box.url,
            TARGET_PLANHAT_ANALYTICS_URL=box.analytics_url,
            TARGET_PLANHAT_QUOTA_STORE="",
            TARGET_PLANHAT_CHECK_METRIC_TARGETS="false",
            TARGET_PLANHAT_REJECTS_DIR=str(folder / "rejects"),
        )
        command = [str(MELTANO), "invoke", "wide"]
        finished = subprocess.run(
            command, cwd=project.folder, env=environment, input=given, check=False, capture_output=True
        )
        assert finished.returncode == 0, finished.stderr.decode()
        return box.metrics


def test_the_page_shows_the_same_settings_in_both_forms() -> None:
    form = yaml.safe_load(FORM)
    assert form == json.loads(SETTINGS)


def test_the_example_of_the_page(tmp_path: Path) -> None:
    found = metrics_sent(tmp_path, yaml.safe_load(FORM), GIVEN.encode())
    wanted = json.loads(WANTED)["metrics"]
    assert contains(found, wanted), found
    assert len(found) == len(wanted)


def test_columns_with_a_dot(tmp_path: Path) -> None:
    rows = stream("usage", [{"external_id": "C-1", "m.logins": 1, "m.dimension": 2}])
    found = metrics_sent(tmp_path, DOTTED, lines(rows))
    assert sorted((point["dimensionId"], point["value"]) for point in found) == [("a", 1), ("b.c", 2)]


def test_all_columns_of_numbers(tmp_path: Path) -> None:
    (declared, record) = stream("usage", [{"external_id": "C-1", "logins": 1}])
    declared["schema"]["properties"]["logins"] = {"type": "integer"}
    found = metrics_sent(tmp_path, NUMERIC, lines([declared, record]))
    assert [(point["dimensionId"], point["value"]) for point in found] == [("logins", 1)]
