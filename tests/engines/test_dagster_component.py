"""The component in YAML and the definitions in Python."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

from dagster_planhat import Connector, History, PlanhatComponent, Tenant, planhat_definitions
from tests.engines.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "dagster-planhat" / "README.md").read_text("utf-8")
LOADER = Connector(["loader"])


def loaded(attributes: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    """The definitions of a project with one component, as Dagster loads it from its files."""
    package = f"project_{abs(hash(folder))}"
    defs = folder / package / "defs" / "planhat"
    defs.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{package}"\n'
    )
    (folder / package / "__init__.py").touch()
    (defs / "defs.yaml").write_text(
        yaml.safe_dump({"type": "dagster_planhat.PlanhatComponent", "attributes": attributes})
    )
    monkeypatch.syspath_prepend(str(folder))
    return dg.load_from_defs_folder(path_within_project=folder / package)


def test_the_yaml_of_the_readme_has_all_settings_and_makes_all_assets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = (block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if block.startswith("type:"))
    attributes = yaml.safe_load(text)["attributes"]
    assert attributes.keys() == PlanhatComponent.model_fields.keys()
    repository = loaded(attributes, tmp_path, monkeypatch).get_repository_def()
    keys = {key.to_user_string() for key in repository.assets_defs_by_key}
    of_each = {"dimension_data_history", "dimensions", "plan_scores", "write_scores", "companies"}
    assert keys == {
        *(f"{tenant}/{name}" for tenant in ("acme", "globex") for name in of_each),
        "acme/endusers",
        "acme/dimension_data",
    }
    schedules = {each.name: each.cron_schedule for each in repository.schedule_defs}
    assert schedules.keys() == {"planhat_acme", "planhat_globex"}
    assert len(set(schedules.values())) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tenants": [{"name": "a", "api_token": "a-token"}]}, "api_token"),
        ({"tenants": [{"name": "a-b"}]}, "name of a tenant"),
        ({"tenants": [{"name": "a"}, {"name": "a"}]}, "two tenants"),
        ({"streems": []}, "streems"),
        ({"history": {"start": "2026-01-01", "window": "day"}}, "week"),
        ({"flows": [{"name": "x", "tap": {"command": "tap"}}]}, "plans_dir"),
    ],
)
def test_a_mistake_is_named(
    change: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = {"tenants": [{"name": "acme"}], "loader": {"command": "loader"}, **change}
    with pytest.raises(Exception, match="planhat") as caught:
        loaded(attributes, tmp_path, monkeypatch).get_repository_def()
    error: BaseException | None = caught.value
    texts = []
    while error:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    assert message in "".join(texts)


def test_a_backfill_takes_as_many_windows_in_a_run_as_the_settings_say() -> None:
    history = History(date(2026, 1, 1), date(2026, 7, 1), window="month", windows_per_run=6)
    (asset, _) = planhat_definitions([Tenant("acme")], loader=LOADER, history=history).assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    assert asset.backfill_policy == dg.BackfillPolicy.multi_run(6)
    definition = asset.partitions_def
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    windows = definition.get_partitions_def_for_dimension("window").get_partition_keys()
    assert windows[0] == "2026-01-01"


def test_weeks_begin_on_monday() -> None:
    history = History(date(2026, 1, 1), date(2026, 3, 1))
    (asset, _) = planhat_definitions([Tenant("acme")], loader=LOADER, history=history).assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    definition = asset.partitions_def
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    windows = definition.get_partitions_def_for_dimension("window").get_partition_keys()
    assert {date.fromisoformat(key).weekday() for key in windows} == {0}
