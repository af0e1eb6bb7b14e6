"""The Celery app of the workers, with the settings of the instance's run launcher.

``celery -A dagster_planhat.workers.app worker --concurrency 1`` starts a worker. Broker and backend stand in one place,
in ``dagster.yaml``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import DagsterInstance
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["app"]


def _app() -> Celery:
    with DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        if not isinstance(launcher, CeleryRunLauncher):
            message = (
                f"The run launcher in dagster.yaml is {type(launcher).__name__}. It has to be "
                "WatchfulCeleryRunLauncher of the module dagster_planhat.workers.launcher"
            )
            raise TypeError(message)
        app = launcher.celery
    create_execute_job_task(app)
    create_resume_job_task(app)
    return app


app = _app()
