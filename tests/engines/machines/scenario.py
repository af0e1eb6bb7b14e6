"""Runs a backfill on several machines, kills some of them, and judges what arrived."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.engines.machines.database import postgresql
from tests.engines.machines.hourly import hourly_wait
from tests.engines.machines.instance import begin_backfill, instance_in, last_starts, run_counts, write_home
from tests.engines.machines.judge import Landed, landed, most_in_a_minute, share_of_quota
from tests.engines.machines.machine import Machine
from tests.engines.machines.tenants import METRICS, BoxedTenant, boxed_tenant
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import dagster as dg

    from tests.engines.machines.database import Postgresql

__all__ = ["Report", "Size", "run_scenario"]

_POLL = 2.0


@dataclass(frozen=True)
class Size:
    """How large a scenario is.

    Attributes:
        tenants: Number of tenants.
        metrics: Number of metrics of each.
        weeks: Number of weeks before the present one.
        companies: Number of companies of each tenant.
        workers: Number of machines with a worker each.
        kills: How many of them are lost under way.
        calls_per_minute: Quota of each tenant.
        store: Where the quota is shared: ``redis`` or ``postgresql``.
        hourly_calls: Calls of an hourly job beside the backfill; 0 for none.
        minutes: The longest that it may take.
    """

    tenants: int = 3
    metrics: int = 4
    weeks: int = 26
    companies: int = 30
    workers: int = 8
    kills: int = 2
    calls_per_minute: int = 20
    store: str = "redis"
    hourly_calls: int = 3
    minutes: float = 40

    @property
    def pieces(self) -> int:
        """Number of partitions of all tenants."""
        return self.tenants * self.metrics * self.weeks


@dataclass
class Report:
    """What a scenario showed, by tenant where it differs."""

    size: Size
    seconds: float = 0.0
    landed: dict[str, Landed] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    most_in_a_minute: dict[str, int] = field(default_factory=dict)
    share_of_quota: dict[str, float] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)
    hourly_alone: float = 0.0
    hourly_beside: float = 0.0
    daemon_cpu: float = 0.0
    worker_cpu: float = 0.0


def run_scenario(size: Size, folder: Path) -> Report:
    """Run the backfill to its end.

    Raises:
        TimeoutError: It took longer than the size allows.
    """
    report = Report(size)
    folder.mkdir(parents=True, exist_ok=True)
    last = date.today() - timedelta(days=date.today().weekday() + 1)  # noqa: DTZ011 - as the sandbox's day
    first = last - timedelta(days=7 * size.weeks - 1)
    with ExitStack() as stack:
        database = stack.enter_context(postgresql())
        for name in ("dagster", "warehouse", "quota"):
            database.create(name)
        redis = stack.enter_context(redis_server(folder))
        tenants = [
            stack.enter_context(
                boxed_tenant(
                    f"tenant{number}",
                    folder,
                    companies=size.companies,
                    days=7 * size.weeks + 14,
                    calls_per_minute=size.calls_per_minute,
                    seed=number,
                )
            )
            for number in range(1, size.tenants + 1)
        ]
        store = redis.database(1) if size.store == "redis" else database.url("quota")
        shared = {
            "DAGSTER_STORAGE_URL": database.url("dagster", "psycopg2"),
            "WAREHOUSE_URL": database.url("warehouse", "psycopg2"),
            "BROKER_URL": redis.database(0),
            "QUOTA_STORE": store,
            "MACHINES_SCENARIO": json.dumps(
                {
                    "tenants": {tenant.name: tenant.url for tenant in tenants},
                    "metrics": METRICS[: size.metrics],
                    "start": first.isoformat(),
                    "end": (last + timedelta(days=1)).isoformat(),
                    "settings": {"calls_per_minute": size.calls_per_minute, "timeout_seconds": 60},
                }
            ),
            **{tenant.token_variable: tenant.token for tenant in tenants},
        }
        _Running(size, folder, tenants, shared, database, report).go(stack, first, last)
    return report


@dataclass
class _Running:
    """A scenario whose servers and tenants run."""

    size: Size
    folder: Path
    tenants: Sequence[BoxedTenant]
    shared: Mapping[str, str]
    database: Postgresql
    report: Report

    def go(self, stack: ExitStack, first: date, last: date) -> None:
        size, report = self.size, self.report
        pool = max(2, -(-size.workers // size.tenants))
        if size.hourly_calls:
            # Of a tenant of its own: the sandbox that the backfill reads has its whole quota then.
            report.hourly_alone = self._hourly(self.tenants[0])
            time.sleep(62)
        daemon = self._machine("daemon", pool)
        daemon.start("dagster-daemon", ["run", "-w", str(self.folder / "daemon" / "dagster" / "workspace.yaml")])
        stack.callback(daemon.stop)
        # One clock is not right: that of a machine which is not lost, because others are busy before it.
        wrong = size.workers - 1
        workers = [
            self._machine(f"worker{number}", pool, ahead=float(number == wrong)) for number in range(size.workers)
        ]
        for worker in workers:
            name = f"{worker.folder.name}@%h"
            worker.start(
                "celery",
                ["-A", "dagster_planhat.workers.app", "worker", "-c", "1", "-n", name, "--loglevel", "WARNING"],
            )
            stack.callback(worker.stop)
        here = {**self.shared, **write_home(self.folder / "here", pool=pool)}
        with instance_in(here) as instance:
            began = time.monotonic()
            begin_backfill(instance, [tenant.name for tenant in self.tenants], METRICS[: size.metrics])
            self._follow(instance, workers, began)
            report.seconds = time.monotonic() - began
            last_began = last_starts(instance)
            report.runs = {status: number for status, number in run_counts(instance).items() if number}
        report.daemon_cpu = daemon.cpu_seconds()
        report.worker_cpu = sum(worker.cpu_seconds() for worker in workers)
        for tenant in self.tenants:
            calls = tenant.calls()
            own = calls
            if size.hourly_calls and tenant is self.tenants[0]:
                # Without the job that ran alone, before the backfill began.
                own = calls[size.hourly_calls :]
            report.calls[tenant.name] = len(own)
            report.refused[tenant.name] = sum(call["status"] == 429 for call in calls)
            report.most_in_a_minute[tenant.name] = most_in_a_minute(calls)
            report.share_of_quota[tenant.name] = share_of_quota(
                own, size.calls_per_minute, until=last_began.get(tenant.name)
            )
            report.landed[tenant.name] = landed(tenant, self.database, METRICS[: size.metrics], first, last)

    def _follow(self, instance: dg.DagsterInstance, workers: list[Machine], began: float) -> None:
        size, report = self.size, self.report
        # The kills and the hourly job are spread over the backfill.
        moments = [size.pieces * (number + 1) // (size.kills + 2) for number in range(size.kills)]
        hourly_at = size.pieces * (size.kills + 1) // (size.kills + 2)
        said = 0.0
        while (counts := run_counts(instance))["SUCCESS"] < size.pieces:
            done = counts["SUCCESS"]
            if time.monotonic() - began > size.minutes * 60:
                message = f"{done} of {size.pieces} pieces after {size.minutes} minutes: {counts}"
                raise TimeoutError(message)
            if len(report.killed) < len(moments) and done >= moments[len(report.killed)]:
                victim = self._busy(workers)
                victim.kill()
                report.killed.append(victim.folder.name)
                workers.remove(victim)
            if size.hourly_calls and not report.hourly_beside and done >= hourly_at:
                report.hourly_beside = self._hourly(self.tenants[0])
            if time.monotonic() - said > 15:
                said = time.monotonic()
                shown = {status: number for status, number in counts.items() if number}
                sys.stderr.write(f"{said - began:6.0f} s  {shown}\n")
            time.sleep(_POLL)

    def _busy(self, workers: list[Machine]) -> Machine:
        """A worker that has a connector running, so that its end is one in the middle of a piece."""
        while True:
            for worker in workers:
                if worker.has_running("tap-planhat"):
                    return worker
            time.sleep(0.05)

    def _hourly(self, tenant: BoxedTenant) -> float:
        settings = {
            "api_token": tenant.token,
            "base_url": tenant.url,
            "quota_store": self.shared["QUOTA_STORE"],
            "calls_per_minute": self.size.calls_per_minute,
        }
        return hourly_wait(settings, self.size.hourly_calls)

    def _machine(self, name: str, pool: int, *, ahead: float = 0.0) -> Machine:
        folder = self.folder / name
        return Machine(folder, {**self.shared, **write_home(folder / "dagster", pool=pool)}, ahead)
