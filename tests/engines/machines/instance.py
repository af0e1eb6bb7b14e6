"""The Dagster instance that all machines share: its settings, and its runs."""

from __future__ import annotations

import os
import runpy
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.execution.backfill import PartitionBackfill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["begin_backfill", "instance_in", "last_starts", "run_counts", "write_home"]

_SETTINGS = """\
storage:
  postgres:
    postgres_url: {env: DAGSTER_STORAGE_URL}
run_coordinator:
  module: dagster
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
concurrency:
  runs: {max_concurrent_runs: 60}
  # A run waits in the queue until its tenant has a place for it, and takes no worker meanwhile.
  pools: {default_limit: POOL, granularity: run}
run_launcher:
  module: dagster_planhat.workers.launcher
  class: WatchfulCeleryRunLauncher
  config:
    broker: {env: BROKER_URL}
    backend: {env: BROKER_URL}
    missing_seconds: 20
run_monitoring: {enabled: true, poll_interval_seconds: 5, start_timeout_seconds: 120}
run_retries: {enabled: true, max_retries: 3, retry_on_asset_or_op_failure: false}
telemetry: {enabled: false}
"""
_WORKSPACE = "load_from:\n- python_module: tests.engines.machines.definitions\n"


def write_home(folder: Path, *, pool: int) -> Mapping[str, str]:
    """Write ``dagster.yaml`` and ``workspace.yaml``. The variables that lead to them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(_SETTINGS.replace("POOL", str(pool)))
    (folder / "workspace.yaml").write_text(_WORKSPACE)
    return {"DAGSTER_HOME": str(folder)}


@contextmanager
def instance_in(environment: Mapping[str, str]) -> Iterator[dg.DagsterInstance]:
    """The instance, as a process with these variables sees it."""
    os.environ.update(environment)
    with dg.DagsterInstance.get() as instance:
        yield instance


def begin_backfill(instance: dg.DagsterInstance, tenants: Sequence[str], metrics: Sequence[str]) -> None:
    """Register the metrics of each tenant, and ask the daemon for all partitions of its history."""
    # Not imported, because each scenario has definitions of its own.
    definitions: dg.Definitions = runpy.run_module("tests.engines.machines.definitions")["defs"]
    graph = definitions.resolve_asset_graph()
    for tenant in tenants:
        instance.add_dynamic_partitions(f"planhat_{tenant}_dimensions", list(metrics))
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=f"history-{tenant}",
            asset_graph=graph,
            partition_names=None,
            asset_selection=[dg.AssetKey([tenant, "dimension_data_history"])],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=True,
            title=None,
            description=None,
            run_config=None,
        )
        instance.add_backfill(backfill)


def run_counts(instance: dg.DagsterInstance) -> Counter[str]:
    """The number of runs in each status."""
    return Counter(
        {status.value: instance.get_runs_count(dg.RunsFilter(statuses=[status])) for status in dg.DagsterRunStatus}
    )


def last_starts(instance: dg.DagsterInstance) -> dict[str, float]:
    """When the last run of each tenant began, on the monotonic clock of this machine."""
    behind = time.time() - time.monotonic()
    starts: dict[str, float] = {}
    for record in instance.get_run_records():
        for key in record.dagster_run.asset_selection or ():
            if record.start_time is not None:
                tenant = key.path[0]
                starts[tenant] = max(starts.get(tenant, 0.0), record.start_time - behind)
    return starts
