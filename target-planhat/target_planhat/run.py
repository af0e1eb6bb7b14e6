"""Holds the parts of a run: tenant, ledger and dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.bulk.upsert import MOST_BYTES
from planhat_api.plugin.exit_codes import ExitCode
from target_planhat.delivery.dispatcher import Dispatcher
from target_planhat.outcomes.ledger import Ledger
from target_planhat.plan.plan import Plan
from target_planhat.rows.values import type_of_custom_field
from target_planhat.tenant.tenant import Tenant

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from planhat_api import PlanhatClient
    from planhat_api.plugin.output import OutputError
    from target_planhat.plan.plan_file import PlanFile
    from target_planhat.settings import TargetSettings

__all__ = ["Run"]


class Run:
    """The parts that the streams of a run share.

    Attributes:
        settings: Settings of the run.
        tenant: What is known about the Planhat tenant that rows are written to.
        ledger: The outcomes of all records.
        dispatcher: Sends the rows.
        plan: What the run would do, if it sends nothing; None otherwise.
        applies_plan: Whether the input is a plan.
    """

    def __init__(
        self,
        settings: TargetSettings,
        connect: Callable[[], PlanhatClient],
        logger: logging.Logger,
        *,
        can_push: bool,
        plan_file: PlanFile | None,
    ) -> None:
        """Create the folders for files. Nothing else is opened.

        Args:
            settings: Settings of the run.
            connect: Creates the client when it is first needed.
            logger: Logger of the target.
            can_push: Whether the settings contain the tenant token, which the analytics host needs.
            plan_file: Gets the plan, if the run plans; None for a report alone.
        """
        self.settings = settings
        self.applies_plan = False
        is_planning = settings.write == "nothing"
        self.plan = self._new_plan(plan_file) if is_planning else None
        self.tenant = Tenant(
            connect,
            logger,
            type_of_custom_field,
            settings,
            can_push=can_push,
        )
        self.ledger = Ledger(settings, logger, is_planning=is_planning)
        self.dispatcher = Dispatcher(settings, self.tenant, self.ledger, self.plan, logger)
        self._logger = logger
        self._closed = False

    def _new_plan(self, file: PlanFile | None) -> Plan:
        return Plan(file, self.settings.batch_size_rows, MOST_BYTES)

    def apply_plan(self) -> None:
        """Note that the input is a plan: each row of it is compared with its record before it is sent."""
        self.applies_plan = self.ledger.is_of_plan = True
        self.dispatcher.changes.looks = True

    def finish(self) -> None:
        """Log the plan and write its file, after the whole input was read.

        Raises:
            OutputError: The file cannot be written.
        """
        if self.plan is not None:
            self.plan.finish(self._logger, self.ledger.summary, self.tenant.calls)

    @property
    def pending(self) -> int:
        """Records that were read and have no outcome, without those that wait for their company."""
        return self.ledger.summary.unsent - len(self.dispatcher.waiting)

    @property
    def code_of_changes(self) -> ExitCode:
        """The exit code of a run without an error."""
        if self.settings.change_exit_codes and self.plan is not None and self.plan.has_changes:
            return ExitCode.CHANGES
        if self.settings.change_exit_codes and self.ledger.summary.drifted:
            return ExitCode.DRIFTED
        return ExitCode.DONE

    def close(self) -> OutputError | None:
        """Wait for sent rows, log the summary, close files, thread and connections. Later calls do nothing.

        Returns:
            An error of a file that occurred only now. It is already logged.
        """
        if self._closed:
            return None
        self._closed = True
        try:
            self.dispatcher.wait_safely()
        finally:
            self.dispatcher.close()
            self.dispatcher.changes.log()
            if self.plan is not None:
                self.plan.close()
            late = self.ledger.close(len(self.dispatcher.waiting))
            self.tenant.close()
        return late
