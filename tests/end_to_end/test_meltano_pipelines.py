"""The plugins under real Meltano, as meltano.yml describes them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml

from planhat_api.models.registry import all_models
from planhat_sandbox import Sandbox
from tests.end_to_end.meltano_project import ROOT, MeltanoProject, held_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Meltano installs each plugin first, on whatever machine this is.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    return MeltanoProject.copied_to(tmp_path_factory.mktemp("meltano"))


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=20, seed=3) as running:
        yield running


@pytest.fixture(scope="module")
def settings(box: Sandbox) -> dict[str, str]:
    return {
        "TAP_PLANHAT_API_TOKEN": box.api_token,
        "TAP_PLANHAT_BASE_URL": box.url,
        "TAP_PLANHAT_CALLS_PER_MINUTE": "9000",
        "TARGET_PLANHAT_API_TOKEN": box.api_token,
        "TARGET_PLANHAT_TENANT_TOKEN": box.tenant_token,
        "TARGET_PLANHAT_BASE_URL": box.url,
        "TARGET_PLANHAT_ANALYTICS_URL": box.analytics_url,
    }


def rows_of(folder: Path, stream: str) -> list[dict[str, Any]]:
    path = folder / f"{stream}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_every_row_reaches_target_jsonl_but_those_of_notes_only_once(
    project: MeltanoProject, box: Sandbox, settings: dict[str, str]
) -> None:
    result = project.run("run", "tap-planhat", "target-jsonl", **settings)
    assert result.returncode == 0, result.stdout
    output = project.folder / "output"
    for model in all_models().values():
        if "list" in model.operations:
            arrived = [row["_id"] for row in rows_of(output, model.stream)]
            assert sorted(arrived) == held_ids(box, model), model.stream
    assert box.api_token not in result.stdout


def test_meltano_tests_the_tap_with_its_token(project: MeltanoProject, settings: dict[str, str]) -> None:
    result = project.run("config", "test", "tap-planhat", **settings)
    assert result.returncode == 0, result.stdout


def test_a_wrong_token_fails_the_run_and_hints_at_the_region(project: MeltanoProject, settings: dict[str, str]) -> None:
    wrong = {**settings, "TAP_PLANHAT_API_TOKEN": "not-the-token"}
    result = project.run("run", "tap-planhat", "target-jsonl", **wrong)
    assert result.returncode != 0
    assert "region" in result.stdout
    assert "not-the-token" not in result.stdout


def test_a_date_that_is_not_iso_is_refused_and_not_turned_into_another(
    project: MeltanoProject, settings: dict[str, str]
) -> None:
    wrong = {**settings, "TAP_PLANHAT_START_DATE": "01/02/2026"}
    result = project.run("invoke", "tap-planhat", "--discover", **wrong)
    assert result.returncode == 2, result.stdout
    assert "start_date: '01/02/2026' is not a date of the form YYYY-MM-DD" in result.stdout


def test_a_date_without_quotes_and_a_misspelt_setting_in_the_project_file(
    project: MeltanoProject, settings: dict[str, str]
) -> None:
    file = project.folder / "meltano.yml"
    text = file.read_text("utf-8")
    mark = "    pip_url: -e ./planhat-api -e ./tap-planhat\n"
    assert mark in text
    try:
        file.write_text(
            text.replace(mark, f"{mark}    config: {{start_date: 2026-02-01, lookback_dais: 3}}\n"), "utf-8"
        )
        printed = project.run("config", "print", "tap-planhat", **settings)
        result = project.run("invoke", "tap-planhat", "--discover", **settings)
    finally:
        file.write_text(text, "utf-8")
    assert '"start_date": "2026-02-01"' in printed.stdout
    assert result.returncode == 0, result.stdout
    assert "There is no setting 'lookback_dais'. Did you mean 'lookback_days'?" in result.stdout


def test_streams_are_incremental_as_the_page_on_streams_says(
    project: MeltanoProject, settings: dict[str, str], tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "streams.md").read_text("utf-8")
    rules = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["metadata"]
    command = ("run", "--state-id-suffix", "incremental", "tap-planhat", "target-jsonl")
    environment = {
        **settings,
        "TAP_PLANHAT__METADATA": json.dumps(rules),
        "TAP_PLANHAT__SELECT": json.dumps(["companies.*", "endusers.*", "tasks.*"]),
        "TARGET_JSONL_DESTINATION_PATH": str(tmp_path),
    }
    assert project.run(*command, **environment).returncode == 0
    again = project.run(*command, **environment)
    assert again.returncode == 0, again.stdout
    for stream in ("companies", "endusers"):
        assert re.search(rf"Done: {stream}, \d+ rows changed since", again.stdout), again.stdout
    assert re.search(r"Done: tasks, \d+ rows", again.stdout)


def test_the_states_of_many_tenants_stand_side_by_side_for_all_machines(
    project: MeltanoProject, settings: dict[str, str], box: Sandbox, tmp_path: Path
) -> None:
    def run(tenant: Sandbox, name: str, machine: str) -> int:
        tenant.forget_calls()
        environment = {
            **settings,
            "TAP_PLANHAT_API_TOKEN": tenant.api_token,
            "TAP_PLANHAT_BASE_URL": tenant.url,
            "TAP_PLANHAT__SELECT": json.dumps(["companies.*", "users.*"]),
            "TARGET_JSONL_DESTINATION_PATH": str(tmp_path),
            # What machines share is only the folder of the states.
            "MELTANO_STATE_BACKEND_URI": f"file://{tmp_path}/states",
            "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/{machine}.db",
        }
        result = project.run("run", "--state-id-suffix", name, "tap-planhat", "target-jsonl", **environment)
        assert result.returncode == 0, result.stdout
        return len(tenant.calls)

    with Sandbox(companies=10, seed=4) as other:
        first = run(box, "acme", "one")
        assert run(other, "globex", "two") == first
        # A later run knows where the lists end, on whatever machine the earlier one was.
        assert run(box, "acme", "two") < first
    listed = project.run(
        "state",
        "list",
        MELTANO_STATE_BACKEND_URI=f"file://{tmp_path}/states",
        MELTANO_DATABASE_URI=f"sqlite:///{tmp_path}/three.db",
    )
    for name in ("acme", "globex"):
        assert f"dev:tap-planhat-to-target-jsonl:{name}" in listed.stdout


def test_secrets_do_not_show_in_printed_config(project: MeltanoProject, settings: dict[str, str]) -> None:
    for plugin in ("tap-planhat", "target-planhat"):
        result = project.run("config", "print", plugin, **settings)
        assert result.returncode == 0, result.stdout
        assert settings["TAP_PLANHAT_API_TOKEN"] not in result.stdout
        assert settings["TARGET_PLANHAT_TENANT_TOKEN"] not in result.stdout


def test_a_file_of_the_newest_duckdb_is_read(project: MeltanoProject, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "new.duckdb")) as warehouse:
        warehouse.execute("create table kinds as select 'a' as id, {'Seats': 25} as custom")
    result = project.run(
        "run",
        "tap-warehouse",
        "target-jsonl",
        TAP_WAREHOUSE_PATH=str(tmp_path / "new.duckdb"),
        TAP_WAREHOUSE_QUERIES=json.dumps({"companies": {"key": ["id"], "sql": "select * from kinds"}}),
        TARGET_JSONL_DESTINATION_PATH=str(tmp_path),
    )
    assert result.returncode == 0, result.stdout
    assert rows_of(tmp_path, "companies") == [{"id": "a", "custom": {"Seats": 25}}]
