"""Backfill of Planhat's dimension data: one task for each tenant, dimension and window of days.

A task is a pure run of ``tap-planhat`` into a loader: it knows no state, so it may run again, and side by side with
others. What is read stands in ``planhat_backfill.yaml`` beside this file.
"""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from airflow.sdk import DAG, Connection, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from planhat_pipe import run_pipe

__all__ = ["backfill_dag", "windows"]

HERE = Path(__file__).parent
PLAN = Path(os.environ.get("PLANHAT_BACKFILL") or HERE / "planhat_backfill.yaml")
# With this catalog the tap reads one stream, and makes no call for discovery or for custom fields.
CATALOG = HERE / "dimension_data.json"
# Wrong settings, and a token that is refused: the same again after a pause.
NOT_WORTH_A_RETRY = (2, 3)


def windows(start: date, end: date, days: int) -> list[list[str]]:
    """The first and the last day of each window, both included; the last window may be shorter."""
    count = (end - start).days // days + 1
    firsts = [start + timedelta(days=days * number) for number in range(count)]
    return [[str(first), str(min(first + timedelta(days=days - 1), end))] for first in firsts]


def environment_of(tenant: str, dimension: str, window: list[str]) -> dict[str, str]:
    """The environment of both commands.

    The token is the password of the connection ``planhat_<tenant>``, and its host is ``base_url``. Airflow's own
    settings and connections are left out, because they hold other passwords.

    Raises:
        AirflowFailException: The connection has no password.
    """
    connection = Connection.get(f"planhat_{tenant}")
    if not connection.password:
        message = f"connection planhat_{tenant} has no password, which should be the API token"
        raise AirflowFailException(message)
    settings = {
        "API_TOKEN": connection.password,
        "DIMENSION_IDS": json.dumps([dimension]),
        "START_DATE": window[0],
        "END_DATE": window[1],
        "QUOTA_PRIORITY": "backfill",
    }
    if connection.host:
        settings["BASE_URL"] = connection.host
    if store := os.environ.get("PLANHAT_QUOTA_STORE"):
        settings["QUOTA_STORE"] = store
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    return {**own, **{f"TAP_PLANHAT_{name}": value for name, value in settings.items()}}


@task(
    map_index_template="{{ piece }}",
    retries=5,
    retry_delay=timedelta(minutes=1),
    retry_exponential_backoff=2.0,
    max_retry_delay=timedelta(minutes=30),
    execution_timeout=timedelta(hours=6),
)
def read(tenant: str, commands: dict[str, list[str]], dimension: str, window: list[str]) -> dict[str, Any]:
    """Read one dimension of a tenant in one window of days, and load it.

    Args:
        tenant: Name of the tenant.
        commands: The commands ``tap`` and ``loader``.
        dimension: Id of the dimension.
        window: First and last day, both included.

    Returns:
        What the tap counted: records, calls, seconds it waited for the quota.

    Raises:
        AirflowFailException: The settings are wrong, Planhat refuses the token, or the tap does not say that it read
            the points. It ends with 0 also if the token may not read them.
        RuntimeError: One of the commands failed. The task runs again.
    """
    get_current_context()["piece"] = f"{dimension} {window[0]} to {window[1]}"  # type: ignore[typeddict-unknown-key]
    tap = [*commands["tap"], "--config", "ENV", "--catalog", str(CATALOG)]
    ended = run_pipe(tap, commands["loader"], environment_of(tenant, dimension, window))
    if ended.tap or ended.loader:
        message = f"the tap ended with {ended.tap}, the loader with {ended.loader}: the last lines of the log say why"
        raise (AirflowFailException if ended.tap in NOT_WORTH_A_RETRY else RuntimeError)(message)
    if not ended.summary or ended.summary["skipped"]:
        message = "nothing says that the points were read: the token may not read them, or the tap logs no summary"
        raise AirflowFailException(message)
    return {**ended.summary["total"], "seconds_waited": ended.summary["seconds_waited"]}


def backfill_dag(dag_id: str, plan: dict[str, Any]) -> DAG:
    """A DAG with a mapped task for each tenant, in the pool ``planhat_<tenant>``.

    Args:
        dag_id: Its id.
        plan: The content of ``planhat_backfill.yaml``.
    """
    commands = {name: list(command) for name, command in plan["commands"].items()}
    cut = windows(plan["start"], plan["end"], plan["days"])
    with DAG(dag_id, schedule=None, catchup=False, tags=["planhat"]) as dag:
        for tenant, dimensions in plan["tenants"].items():
            pooled = read.override(task_id=f"read_{tenant}", pool=f"planhat_{tenant}")
            pooled.partial(tenant=tenant, commands=commands).expand(dimension=list(dimensions), window=cut)
    return dag


planhat_backfill = backfill_dag("planhat_backfill", yaml.safe_load(PLAN.read_text("utf-8")))
