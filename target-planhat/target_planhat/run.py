"""Holds the parts of a run: tenant, ledger and dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.dispatcher import Dispatcher
from target_planhat.outcomes.ledger import Ledger
from target_planhat.rows.values import type_of_custom_field
from target_planhat.tenant.tenant import Tenant

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from planhat_api import PlanhatClient
    from planhat_api.plugin.output import OutputError
    from target_planhat.settings import TargetSettings

__all__ = ["Run"]


class Run:
    """The parts that the streams of a run share.

    Attributes:
        settings: Settings of the run.
        tenant: What is known about the Planhat tenant that rows are written to.
        ledger: The outcomes of all records.
        dispatcher: Sends the rows.
    """

    def __init__(
        self, settings: TargetSettings, connect: Callable[[], PlanhatClient], logger: logging.Logger, *, can_push: bool
    ) -> None:
        """Create the folders for files. Nothing else is opened.

        Args:
            settings: Settings of the run.
            connect: Creates the client when it is first needed.
            logger: Logger of the target.
            can_push: Whether the settings contain the tenant token, which the analytics host needs.
        """
        self.settings = settings
        self.tenant = Tenant(
            connect,
            logger,
            type_of_custom_field,
            checks_custom_fields=settings.custom_field_definitions,
            can_push=can_push,
        )
        self.ledger = Ledger(settings, logger)
        self.dispatcher = Dispatcher(settings, self.tenant, self.ledger, logger)
        self._closed = False

    @property
    def pending(self) -> int:
        """Records that were read and have no outcome, without those that wait for their company."""
        return self.ledger.summary.unsent - len(self.dispatcher.waiting)

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
            late = self.ledger.close(len(self.dispatcher.waiting))
            self.tenant.close()
        return late
