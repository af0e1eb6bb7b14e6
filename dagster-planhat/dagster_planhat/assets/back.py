"""The way back to Planhat: an asset that makes a plan, and one that carries out a plan that somebody has read."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_planhat.assets.failing import as_dagster_failures
from dagster_planhat.assets.figures import PREFIX, of_load
from dagster_planhat.assets.tenants import TenantAssets
from dagster_planhat.pieces.plans import Plans, check_holds_all
from dagster_planhat.settings import Flow

__all__ = ["WritePlan", "plan_asset", "write_asset"]

PLAN_ID = f"{PREFIX}plan_id"


class WritePlan(dg.Config):
    """The run config of an asset that writes.

    Attributes:
        plan_id: Which plan is carried out: the one that a person has read. There is no default.
        again: Whether a plan is carried out that another run has begun and did not end. What that run sent is found
            unchanged then.
    """

    plan_id: str
    again: bool = False


def plan_asset(assets: TenantAssets, flow: Flow, plans_dir: Path) -> dg.AssetsDefinition:
    """The asset that makes a plan of what a flow would write. Nothing is sent."""
    plans = Plans(plans_dir, assets.name, flow.name)

    @dg.multi_asset(
        name=f"{assets.name}__plan_{flow.name}",
        specs=[
            dg.AssetSpec(
                assets.key(f"plan_{flow.name}"),
                description=f"What the flow {flow.name} would write to Planhat. Nothing is sent.",
                group_name=assets.name,
                kinds={"planhat", "singer"},
            )
        ],
        pool=assets.pool,
    )
    def make_plan(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        made = plans.new_file()
        try:
            with as_dagster_failures(context, assets.shared.retries):
                target = assets.target(flow, write="nothing", plan_file=str(made), change_exit_codes=False)
                result = assets.runner(context).pipe(assets.program(flow.tap), target)
                check_holds_all(result.plan or {})
            plan_id, path = plans.keep(made)
        finally:
            with suppress(FileNotFoundError):
                made.unlink()
        yield dg.MaterializeResult(
            metadata={
                **(of_load(result.loaded) if result.loaded else {}),
                PLAN_ID: plan_id,
                f"{PREFIX}plan": dg.MetadataValue.json(dict(result.plan or {})),
                f"{PREFIX}plan_file": dg.MetadataValue.path(path),
            }
        )

    return make_plan


def write_asset(assets: TenantAssets, flow: Flow, plans_dir: Path) -> dg.AssetsDefinition:
    """The asset that carries out a plan. It has no schedule, and no run without the id of a plan."""
    plans = Plans(plans_dir, assets.name, flow.name)

    @dg.multi_asset(
        name=f"{assets.name}__write_{flow.name}",
        specs=[
            dg.AssetSpec(
                assets.key(f"write_{flow.name}"),
                deps=[assets.key(f"plan_{flow.name}")],
                description=f"Carries out a plan of the flow {flow.name}. Give its plan_id in the launchpad.",
                group_name=assets.name,
                kinds={"planhat", "singer"},
            )
        ],
        pool=assets.pool,
    )
    def write_plan(context: dg.AssetExecutionContext, config: WritePlan) -> Iterator[dg.MaterializeResult[Any]]:
        with as_dagster_failures(context, assets.shared.retries):
            path = plans.begin(config.plan_id, context.run.run_id, again=config.again)
            target = assets.target(flow, write="changes", change_exit_codes=False)
            with path.open("rb") as plan:
                result = assets.runner(context).load(plan, target)
        plans.note_written(config.plan_id, context.run.run_id)
        yield dg.MaterializeResult(
            metadata={**(of_load(result.loaded) if result.loaded else {}), PLAN_ID: config.plan_id}
        )

    return write_plan
