"""A run launcher for Celery that notices when the worker of a run is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster import DagsterRunStatus, Field, Float
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from dagster_planhat.workers.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from dagster import DagsterRun
    from dagster._config import UserConfigSchema

__all__ = ["WatchfulCeleryRunLauncher"]

_ANSWER_WITHIN = 3.0
_DEFAULT_MISSING_SECONDS = 45.0
_FAILED = ("FAILURE", "REVOKED")
_BACK_AFTER = 60


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """Starts each run as a Celery task, and finds runs whose worker is gone.

    Celery keeps a task in the state STARTED if its worker was killed or its machine is lost, and the launcher of
    dagster-celery takes that for a run that goes on. So this launcher asks the workers themselves which tasks they
    execute. If none has the task of a run in hand for ``missing_seconds``, run monitoring marks the run as failed, and
    the run retries of the instance run it again. The piece of a killed worker may go on for a moment beside the new
    one. That does no harm, because the loader updates rows by their ``_id``.

    Args:
        missing_seconds: Seconds during which no worker has the task of a run in hand until the run counts as failed.
        settings: Settings of ``CeleryRunLauncher``.
    """

    def __init__(self, *, missing_seconds: float = _DEFAULT_MISSING_SECONDS, **settings: Any) -> None:  # noqa: ANN401 - as the base class takes them
        """Take the settings, and start without a look at the workers."""
        super().__init__(**settings)
        # A worker takes a run only when it can begin with it. If it took one more and is lost, the run goes to another
        # worker some time later. A run that reaches two workers for this reason is ignored by the second one.
        self.celery.conf.update(
            worker_prefetch_multiplier=1,
            worker_disable_prefetch=True,
            broker_transport_options={
                **self.celery.conf.broker_transport_options,
                "visibility_timeout": _BACK_AFTER,
            },
        )
        self._presence = Presence(self._tasks_in_hand, missing_seconds)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The settings in ``dagster.yaml``."""
        return {
            **super().config_type(),  # type: ignore[dict-item]  # the base class returns a dict
            "missing_seconds": Field(
                Float,
                is_required=False,
                default_value=_DEFAULT_MISSING_SECONDS,
                description="Seconds during which no worker has a run in hand until the run counts as failed.",
            ),
        }

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker still executes the run."""
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task is None:
            # A worker may begin before the task is noted, and run monitoring fails a run of which nothing is known.
            return CheckRunHealthResult(WorkerStatus.RUNNING, "The Celery task of the run is not noted yet.")
        try:
            if (state := self.celery.AsyncResult(task).state) in _FAILED:
                return CheckRunHealthResult(WorkerStatus.FAILED, f"The Celery task has the state {state}.")
            if not self._presence.is_missing(task):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        except Exception as error:  # noqa: BLE001 - each broker and backend has errors of its own
            # Nothing is known of the worker. max_runtime_seconds ends the run if it does not end by itself.
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"The broker cannot be asked: {type(error).__name__}.")
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            "No Celery worker has the run in hand; its worker was killed or its machine is lost.",
        )

    def terminate(self, run_id: str) -> bool:
        """Cancel a run; whether it could be asked to end.

        The run is being cancelled from now on. Otherwise run monitoring would take its revoked task for a failure, and
        the run retries would start the run again.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        if run.status != DagsterRunStatus.CANCELING:
            self._instance.report_run_canceling(run)
        return super().terminate(run_id)

    def _tasks_in_hand(self) -> AbstractSet[str]:
        answers = self.celery.control.inspect(timeout=_ANSWER_WITHIN).active(safe=True) or {}
        return frozenset(str(task["id"]) for tasks in answers.values() for task in tasks)
