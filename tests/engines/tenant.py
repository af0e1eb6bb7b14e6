"""A tenant whose assets the tests materialize, and the warehouse that they look into."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import sqlalchemy as sa

from dagster_planhat import Connector, Flow, History, Tenant, Warehouse, planhat_definitions
from tests.engines.processes import CONNECTORS, LOADERS, Box

if TYPE_CHECKING:
    from pathlib import Path

URL = dg.EnvVar("WAREHOUSE_URL")


def usual_tap() -> Connector:
    """tap-planhat with no quota of its own, as the sandbox has none."""
    return Connector([str(CONNECTORS / "tap-planhat")], {"calls_per_minute": 9000})


@dataclass
class Acme:
    """The tenant acme."""

    box: Box
    instance: dg.DagsterInstance
    folder: Path
    schema: str
    streams: tuple[str, ...] = ("companies", "users")
    history: History = field(default_factory=lambda: History(date(2026, 1, 1)))
    dimensions: tuple[str, ...] = ("logins", "api-calls")
    has_warehouse: bool = True
    flows: tuple[Flow, ...] = ()
    retries: dg.RetryPolicy = field(default_factory=lambda: dg.RetryPolicy(max_retries=0))
    tap: Connector = field(default_factory=usual_tap)
    loader: list[str] = field(default_factory=lambda: [str(LOADERS / "target-postgres")])

    @property
    def definitions(self) -> dg.Definitions:
        return planhat_definitions(
            [Tenant("acme", settings={"base_url": self.box.url}, dimensions=self.dimensions)],
            loader=Connector(self.loader, {"sqlalchemy_url": URL, "default_target_schema": self.schema}),
            streams=self.streams,
            history=self.history,
            warehouse=Warehouse(URL, self.schema) if self.has_warehouse else None,
            flows=self.flows,
            plans_dir=self.folder / "plans",
            tap=self.tap,
            target=Connector([str(CONNECTORS / "target-planhat")], {"calls_per_minute": 9000, "ledger_dir": ""}),
            retries=self.retries,
        )

    def materialize(self, *names: str, ops: dict[str, Any] | None = None, **options: Any) -> dg.ExecuteInProcessResult:
        assets = list(self.definitions.assets or ())
        keys = [dg.AssetKey(["acme", name]) for name in names]
        checks = dg.AssetSelection.checks_for_assets(*keys)
        return dg.materialize(
            assets,  # type: ignore[arg-type]
            selection=dg.AssetSelection.assets(*keys) | checks,
            instance=self.instance,
            raise_on_error=False,
            run_config={"ops": ops or {}, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            **options,
        )

    def ids(self, table: str) -> list[str]:
        """Ids of a table in the warehouse, each as often as it is there."""
        return sorted(self.query(f'select _id from "{self.schema}"."{table}"'))

    def query(self, sql: str) -> list[Any]:
        engine = sa.create_engine(os.environ["WAREHOUSE_URL"], poolclass=sa.NullPool)
        with engine.begin() as connection:
            answer = connection.execute(sa.text(sql))
            return [row[0] for row in answer] if answer.returns_rows else []


def metadata_of(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    """Metadata of the asset that a run materialized."""
    events = [
        each for each in result.get_asset_materialization_events() if each.asset_key == dg.AssetKey(["acme", name])
    ]
    assert events, f"{name} was not materialized"
    return {key: value.value for key, value in events[-1].materialization.metadata.items()}


def checks_of(result: dg.ExecuteInProcessResult) -> list[tuple[str, str]]:
    """The name of each check, and how bad it is if it did not pass."""
    checks = result.get_asset_check_evaluations()
    return [(each.check_name, "passed" if each.passed else each.severity.value) for each in checks]


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed."""
    (event,) = result.get_step_failure_events()
    error = event.step_failure_data.error
    assert error is not None
    return (error.cause or error).message.strip()
