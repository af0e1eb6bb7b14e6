"""The component in YAML and the definitions in Python."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

from dagster_planhat import Connector, Flow, History, PlanhatComponent, Tenant, Warehouse, planhat_definitions
from dagster_planhat.assets.checks import counted
from dagster_planhat.assets.tenants import TenantAssets, TenantSet
from tests.engines.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from dagster_planhat.pieces.windows import WindowSize

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
        ({"tenants": [{"name": "a", "api_token": "a-token"}]}, "as {env: NAME} in YAML"),
        ({"tenants": [{"name": "a-b"}]}, "name of a tenant"),
        ({"tenants": [{"name": "a"}, {"name": "a"}]}, "two tenants"),
        ({"tenants": [{"name": "Acme"}, {"name": "acme"}]}, "two tenants with the name Acme and acme"),
        ({"tenants": [{"name": "a"}, {"name": "b"}]}, "write {tenant} in its schema"),
        ({"tap": {"command": "tap-planhat", "settings": {"api_token": "t"}}}, "api_token cannot be a setting of all"),
        ({"streems": []}, "streems"),
        ({"history": {"start": "2026-01-01", "window": "day"}}, "week"),
        ({"history": {"start": "1.2.2026"}}, "history.start is a day such as 2026-01-31, and not '1.2.2026'"),
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
    assert "a-token" not in "".join(texts)


def test_a_backfill_takes_as_many_windows_in_a_run_as_the_settings_say() -> None:
    history = History(date(2026, 1, 1), date(2026, 7, 1), window="month", windows_per_run=6)
    (asset, _) = planhat_definitions([Tenant("acme")], loader=LOADER, history=history).assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    assert asset.backfill_policy == dg.BackfillPolicy.multi_run(6)
    definition = asset.partitions_def
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    windows = definition.get_partitions_def_for_dimension("window").get_partition_keys()
    assert windows[0] == "2026-01-01"


@pytest.mark.parametrize(
    ("window", "end", "keys"),
    [
        ("week", date(2026, 3, 5), ["2026-02-09", "2026-02-16", "2026-02-23", "2026-03-02"]),
        ("week", date(2026, 3, 2), ["2026-02-09", "2026-02-16", "2026-02-23"]),
        ("month", date(2026, 3, 2), ["2026-02-01", "2026-03-01"]),
        ("month", date(2026, 3, 1), ["2026-02-01"]),
    ],
)
def test_windows_are_whole_and_hold_the_first_and_the_last_day(window: WindowSize, end: date, keys: list[str]) -> None:
    history = History(date(2026, 2, 12), end, window)
    (asset, _) = planhat_definitions([Tenant("acme")], loader=LOADER, history=history).assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    definition = asset.partitions_def
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    assert definition.get_partitions_def_for_dimension("window").get_partition_keys() == keys


def test_settings_of_a_tenant_win_over_those_of_all() -> None:
    tenant = Tenant("acme", settings={"calls_per_minute": 50})
    connector = Connector(["command"], {"calls_per_minute": 150, "region": "us2"})
    shared = TenantSet(streams=[], loader=LOADER, tap=connector, target=connector)
    assets = TenantAssets(tenant, shared)
    for program in (assets.tap("normal"), assets.target(Flow("back", LOADER, {"max_updates": 1}))):
        assert program.settings["calls_per_minute"] == 50
        assert program.settings["region"] == "us2"


@pytest.mark.parametrize(
    ("warehouse", "text"),
    [
        (Warehouse("oracle+cx_oracle://user:a-pass-word@host/db"), "is the URL of the warehouse right, and its driver"),
        (Warehouse(dg.EnvVar("NOT_SET_ANYWHERE")), "NOT_SET_ANYWHERE is not set"),
    ],
)
def test_a_check_that_cannot_count_fails_and_not_its_run(warehouse: Warehouse, text: str) -> None:
    shared = TenantSet(streams=[], loader=LOADER, tap=LOADER, target=LOADER, warehouse=warehouse)
    result = counted(TenantAssets(Tenant("acme"), shared), dg.AssetKey("a"), 7, lambda *_: 7, at_least=False)
    assert not result.passed
    assert text in str(result.description)
    assert "a-pass-word" not in str(result.description)
