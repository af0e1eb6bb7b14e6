"""The definitions of Dagster for some tenants."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_planhat.assets.back import plan_asset, write_asset
from dagster_planhat.assets.dimensions import dimensions_asset
from dagster_planhat.assets.history import history_asset
from dagster_planhat.assets.models import models_asset
from dagster_planhat.assets.tenants import RETRIES, TenantAssets, TenantSet
from dagster_planhat.pieces.spread import cron_of
from dagster_planhat.settings import (
    Connector,
    Flow,
    History,
    Tenant,
    Warehouse,
    check_own_places,
    check_own_tokens,
)

__all__ = ["planhat_definitions"]

_TAP, _TARGET = Connector(["tap-planhat"]), Connector(["target-planhat"])


def planhat_definitions(  # noqa: PLR0913 -- each of them is a setting
    tenants: Sequence[Tenant],
    *,
    loader: Connector,
    streams: Sequence[str] = (),
    history: History | None = None,
    warehouse: Warehouse | None = None,
    flows: Sequence[Flow] = (),
    plans_dir: Path | str | None = None,
    schedule: str | None = None,
    incremental: bool = False,
    tap: Connector = _TAP,
    target: Connector = _TARGET,
    retries: dg.RetryPolicy = RETRIES,
    executor: dg.ExecutorDefinition | None = None,
) -> dg.Definitions:
    """The assets, checks, jobs and schedules of some tenants.

    Args:
        tenants: The tenants. Each has its own pool, ``planhat_<name>``.
        loader: The Singer loader of the warehouse, which has to replace rows with the same ``_id``.
        streams: Streams of tap-planhat, an asset for each and tenant.
        history: The windows of dimension data; without it there is no history.
        warehouse: Where checks count the rows that landed. Without it, they look at the state of the loader.
        flows: What goes back to Planhat, with a plan that a person reads between.
        plans_dir: The folder of the plans. All workers have to share it.
        schedule: When the streams of models are read, as cron. ``H`` as the minute gives each tenant its own minute.
        incremental: Whether models are read incrementally.
        tap: tap-planhat.
        target: target-planhat.
        retries: When a run that failed is tried again.
        executor: What runs the steps of a run.

    Raises:
        ValueError: Something is not right with these settings.
    """
    check_own_tokens(tenants, [tap, target], flows)
    check_own_places(tenants, loader, warehouse)
    if flows and plans_dir is None:
        message = "flows need plans_dir, a folder that all workers share"
        raise ValueError(message)
    shared = TenantSet(
        streams=streams,
        loader=loader,
        tap=tap,
        target=target,
        incremental=incremental,
        history=history,
        warehouse=warehouse,
        flows=flows,
        plans_dir=Path(plans_dir) if plans_dir is not None else None,
        retries=retries,
    )
    all_assets = [TenantAssets(tenant, shared) for tenant in tenants]
    secrets = frozenset(name for assets in all_assets for name in assets.secret_names)
    all_assets = [replace(assets, shared=replace(shared, other_secrets=secrets)) for assets in all_assets]
    jobs = [(assets, job) for assets in all_assets for job in _jobs(assets)]
    return dg.Definitions(
        assets=[each for assets in all_assets for each in _assets(assets)],
        jobs=[job for _, job in jobs],
        schedules=[_schedule(job, assets, schedule) for assets, job in jobs] if schedule else [],
        executor=executor,
    )


def _assets(assets: TenantAssets) -> Iterator[dg.AssetsDefinition]:
    shared = assets.shared
    if assets.streams:
        yield models_asset(assets)
    if shared.history:
        yield history_asset(assets, shared.history)
        yield dimensions_asset(assets, shared.history)
    if shared.plans_dir is not None:
        for flow in shared.flows:
            yield plan_asset(assets, flow, shared.plans_dir)
            yield write_asset(assets, flow, shared.plans_dir)


def _jobs(assets: TenantAssets) -> Iterator[Any]:
    if assets.streams:
        keys = [assets.key(stream) for stream in assets.streams]
        yield dg.define_asset_job(f"planhat_{assets.name}", selection=dg.AssetSelection.assets(*keys))


def _schedule(job: Any, assets: TenantAssets, cron: str) -> dg.ScheduleDefinition:  # noqa: ANN401 -- of Dagster
    return dg.ScheduleDefinition(
        name=f"planhat_{assets.name}", job=job, cron_schedule=cron_of(cron, assets.name), execution_timezone="UTC"
    )
