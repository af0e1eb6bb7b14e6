"""Holds the parts of a run: tenant, ledger and dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind
from planhat_api.bulk.upsert import MOST_BYTES
from planhat_api.http.figures import CallFigures
from planhat_api.plugin.exit_codes import ExitCode
from target_planhat.delivery.claimed.claimed_rows import Verdict as ClaimVerdict
from target_planhat.delivery.dispatcher import Dispatcher
from target_planhat.delivery.points.audit import Verdict
from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
from target_planhat.outcomes.ledger import Ledger
from target_planhat.plan.plan import Plan
from target_planhat.rows.values import type_of_custom_field
from target_planhat.tenant.tenant import Tenant

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from pathlib import Path

    from planhat_api import PlanhatClient
    from planhat_api.plugin.output import OutputError
    from target_planhat.clock import Clock
    from target_planhat.plan.plan_file import PlanFile
    from target_planhat.settings import TargetSettings

__all__ = ["Run"]

_ACCEPTED = Outcome(OutcomeKind.ACCEPTED)


class Run:
    """The parts that the streams of a run share.

    Attributes:
        settings: Settings of the run.
        tenant: What is known about the Planhat tenant that rows are written to.
        ledger: The outcomes of all records.
        dispatcher: Sends the rows.
        plan: What the run would do, if it sends nothing; None otherwise.
        applies_plan: Whether the input is a plan.
        sent: The delivery ledger: the rows that were sent since the last STATE.
    """

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        settings: TargetSettings,
        connect: Callable[[], PlanhatClient],
        clock: Clock,
        logger: logging.Logger,
        *,
        can_push: bool,
        plan_file: PlanFile | None,
        ledger_file: Path | None,
    ) -> None:
        """Create the folders for files. Nothing else is opened.

        Args:
            settings: Settings of the run.
            connect: Creates the client when it is first needed.
            clock: The clock of the run.
            logger: Logger of the target.
            can_push: Whether the settings contain the tenant token, which the analytics host needs.
            plan_file: Gets the plan, if the run plans; None for a report alone.
            ledger_file: The file of the delivery ledger; None for none.
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
            clock,
            can_push=can_push,
        )
        self.ledger = Ledger(settings, logger, is_planning=is_planning)
        path = None if is_planning else ledger_file
        self.sent = DeliveryLedger(path, clock, settings.landing_seconds, logger)
        self.dispatcher = Dispatcher(
            settings, self.tenant, self.ledger, self.plan, sent=self.sent, clock=clock, logger=logger
        )
        self._logger = logger
        self._closed = False

    def _new_plan(self, file: PlanFile | None) -> Plan:
        return Plan(file, self.settings.batch_size_rows, MOST_BYTES)

    def apply_plan(self) -> None:
        """Note that the input is a plan: each row of it is compared with its record before it is sent."""
        self.applies_plan = self.ledger.is_of_plan = True
        self.dispatcher.changes.looks = True

    def finish(self) -> None:
        """Finish after the whole input was read: log the plan and write its file, or find out what landed.

        Raises:
            OutputError: A file cannot be written.
            RejectsError: Too many points or rows did not land.
        """
        if self.plan is not None:
            self.plan.finish(self._logger, self.ledger.summary, self.tenant.calls)
            return
        try:
            self._audit()
            self._check_claims()
            if self.ledger.landing:
                self.ledger.sync()
                self.ledger.check_policy(at_end=True)
        finally:
            self.sent.forget_all()

    def _audit(self) -> None:
        """Find out which of the points that Planhat accepted landed. Those that did not become rejects."""
        audit = self.dispatcher.points.audit()
        if audit is None:
            return
        for found in audit.run(wants_all=bool(self.ledger.receipts)):
            is_missing = found.verdict is Verdict.MISSING
            self.ledger.add_landing(found.item, _ACCEPTED, found.verdict.word, found.reason, is_missing=is_missing)
        counts = ", ".join(f"{audit.counts[verdict]} {verdict.word}" for verdict in Verdict if audit.counts[verdict])
        if counts:
            text = "Landing of metric points: %s. The audit took %s calls and %.0f s"
            self._logger.info(text, counts, audit.calls, audit.seconds)
            self.ledger.landing["metrics"] = {
                verdict.word: audit.counts[verdict] for verdict in Verdict if audit.counts[verdict]
            }

    def _check_claims(self) -> None:
        """Find out which of the rows that Planhat claims to have stored it shows. The others become rejects."""
        for check in self.dispatcher.claims.checks():
            for row in check.run(wants_all=bool(self.ledger.receipts)):
                is_missing = row.verdict is ClaimVerdict.MISSING
                word = row.verdict.word if row.verdict is not None else ""
                self.ledger.add_landing(row.item, row.outcome, word, row.reason, is_missing=is_missing)
            counts = ", ".join(f"{number:,} {word}" for word, number in check.counts.items())
            text = "Landing of %s: %s. The check took %s calls"
            self._logger.info(text, check.model.stream, counts, check.calls)
            self.ledger.landing[check.model.stream] = check.counts

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
            self.dispatcher.points.log(self._logger)
            self.dispatcher.points.close()
            self.dispatcher.claims.close()
            self.sent.close()
            if self.plan is not None:
                self.plan.close()
            late = self.ledger.close(len(self.dispatcher.waiting), self._figures)
            self.tenant.close()
        return late

    @property
    def _figures(self) -> CallFigures:
        """The calls of the run so far. There is no client before the first call."""
        client: PlanhatClient | None = vars(self.tenant).get("client")
        return CallFigures(client.calls, client.seconds_waited, client.calls_retried) if client else CallFigures()
