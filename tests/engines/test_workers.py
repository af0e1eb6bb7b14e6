"""One Celery worker, and a run on it that takes long."""

from __future__ import annotations

import json
import time
import urllib.request
from contextlib import ExitStack
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.engines.machines.database import postgresql
from tests.engines.machines.instance import begin_backfill, instance_in, write_home
from tests.engines.machines.machine import Machine
from tests.engines.machines.tenants import METRICS, boxed_tenant
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STATUS = dg.DagsterRunStatus


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[tuple[dg.DagsterInstance, Machine]]:
    """The instance, and its only worker, which soon has a run that waits for an answer of Planhat."""
    monday = date.today() - timedelta(days=date.today().weekday())  # noqa: DTZ011 - as the sandbox's day
    with ExitStack() as stack:
        database = stack.enter_context(postgresql())
        for name in ("dagster", "warehouse"):
            database.create(name)
        broker = stack.enter_context(redis_server(tmp_path))
        tenant = stack.enter_context(boxed_tenant("tenant1", tmp_path, companies=2, days=20))
        fault = json.dumps([{"kind": "latency", "seconds": 150, "path": "dimensiondata"}]).encode()
        urllib.request.urlopen(urllib.request.Request(f"{tenant.url}/_sandbox/faults", fault, method="PUT"), timeout=30)
        shared = {
            "DAGSTER_STORAGE_URL": database.url("dagster", "psycopg2"),
            "WAREHOUSE_URL": database.url("warehouse", "psycopg2"),
            "BROKER_URL": broker.database(0),
            "QUOTA_STORE": broker.database(1),
            "MACHINES_SCENARIO": json.dumps(
                {
                    "tenants": {tenant.name: tenant.url},
                    "metrics": METRICS[:1],
                    "start": (monday - timedelta(days=7)).isoformat(),
                    "end": monday.isoformat(),
                    "settings": {"calls_per_minute": 100, "timeout_seconds": 300},
                }
            ),
            tenant.token_variable: tenant.token,
        }
        homes = {name: write_home(tmp_path / name / "dagster", pool=2) for name in ("daemon", "worker", "here")}
        machines = {name: Machine(tmp_path / name, {**shared, **home}) for name, home in homes.items()}
        workspace = tmp_path / "here" / "dagster" / "workspace.yaml"
        with instance_in({**shared, **homes["here"]}) as instance:
            machines["daemon"].start("dagster-daemon", ["run", "-w", str(workspace)])
            stack.callback(machines["daemon"].stop)
            machines["worker"].start(
                "celery", ["-A", "dagster_planhat.workers.app", "worker", "-c", "2", "--loglevel", "INFO"]
            )
            stack.callback(machines["worker"].stop)
            begin_backfill(instance, [tenant.name], METRICS[:1])
            yield instance, machines["worker"]


def test_a_run_that_is_cancelled_ends_its_commands_and_is_not_run_again(
    farm: tuple[dg.DagsterInstance, Machine],
) -> None:
    instance, worker = farm
    assert wait_for(lambda: worker.has_running("tap-planhat"), 90), worker.log
    (run,) = instance.get_runs()
    assert instance.run_launcher.terminate(run.run_id)
    assert wait_for(lambda: not worker.has_running("tap-planhat"), 20)
    # Run monitoring looks every 5 seconds, and so do the run retries.
    assert not wait_for(lambda: instance.get_runs_count() > 1, 25)
    (run,) = instance.get_runs()
    assert run.status is STATUS.CANCELED
    assert not instance.run_launcher.terminate(run.run_id)
