"""The run launcher of the workers, without workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAUNCHER = {
    "module": "dagster_planhat.workers.launcher",
    "class": "WatchfulCeleryRunLauncher",
    "config": {"broker": "memory://", "backend": "cache+memory://"},
}


@pytest.fixture
def celery_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_launcher": LAUNCHER}) as running:
        yield running


def begun_run(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    @dg.job
    def job() -> None: ...

    return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags).run_id


def test_a_run_that_somebody_cancels_is_known_as_such_so_that_it_is_not_retried(
    celery_instance: dg.DagsterInstance,
) -> None:
    run_id = begun_run(celery_instance, {DAGSTER_CELERY_TASK_ID_TAG: "a-task"})
    for _ in range(2):
        assert celery_instance.run_launcher.terminate(run_id)
    statuses = [event.dagster_event_type for event in celery_instance.all_logs(run_id)]
    assert statuses.count(dg.DagsterEventType.PIPELINE_CANCELING) == 1
    run = celery_instance.get_run_by_id(run_id)
    assert run
    assert run.status == dg.DagsterRunStatus.CANCELING


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_run_that_has_ended_or_has_no_task_is_not_ended(
    celery_instance: dg.DagsterInstance, *, is_finished: bool
) -> None:
    run_id = begun_run(celery_instance, {DAGSTER_CELERY_TASK_ID_TAG: "a-task"} if is_finished else {})
    run = celery_instance.get_run_by_id(run_id)
    assert run
    if is_finished:
        celery_instance.report_run_failed(run)
    assert not celery_instance.run_launcher.terminate(run_id)
    assert not celery_instance.run_launcher.terminate("no-run")
