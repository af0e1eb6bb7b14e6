"""The code location of all machines: tenants, loader and windows, as the environment says."""

from __future__ import annotations

import json
import os
from datetime import date

import dagster as dg

from dagster_planhat import Connector, History, Tenant, Warehouse, planhat_definitions

_GIVEN = json.loads(os.environ["MACHINES_SCENARIO"])

defs = planhat_definitions(
    [
        Tenant(name, settings={"base_url": url, **_GIVEN["settings"]}, dimensions=_GIVEN["metrics"])
        for name, url in _GIVEN["tenants"].items()
    ],
    loader=Connector(
        ["target-postgres"],
        {"sqlalchemy_url": dg.EnvVar("WAREHOUSE_URL"), "default_target_schema": "{tenant}"},
    ),
    tap=Connector(["tap-planhat"], {"quota_store": dg.EnvVar("QUOTA_STORE")}),
    warehouse=Warehouse(dg.EnvVar("WAREHOUSE_URL"), "{tenant}"),
    history=History(date.fromisoformat(_GIVEN["start"]), date.fromisoformat(_GIVEN["end"])),
    # A worker of Celery may not start processes through multiprocessing.
    executor=dg.in_process_executor,
)
