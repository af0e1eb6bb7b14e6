"""What makes up a run: what is known of the tenant, the deliveries and the books; and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.delivery.dispatcher import Dispatcher
from target_planhat.outcomes.ledger import Ledger
from target_planhat.rows.values import kind_of_custom
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
        tenant: What is known of the Planhat that is written to.
        ledger: The books.
        dispatcher: The deliveries.
    """

    def __init__(
        self, settings: TargetSettings, connect: Callable[[], PlanhatClient], logger: logging.Logger, *, can_push: bool
    ) -> None:
        """Open nothing but the folders of the files.

        Args:
            settings: Settings of the run.
            connect: Makes the client when it is first needed.
            logger: Where people read.
            can_push: Whether the settings hold what the analytics host wants.
        """
        self.settings = settings
        self.tenant = Tenant(
            connect, logger, kind_of_custom, checks_custom_fields=settings.custom_field_definitions, can_push=can_push
        )
        self.ledger = Ledger(settings, logger)
        self.dispatcher = Dispatcher(settings, self.tenant, self.ledger, logger)
        self._closed = False

    @property
    def pending(self) -> int:
        """Records that were taken in and whose fate is not known, those aside that wait for their company."""
        return self.ledger.summary.unsent - len(self.dispatcher.waiting)

    def close(self) -> OutputError | None:
        """Settle what is on the wire, tell the summary, let go of files, thread and connections; once.

        Returns:
            What is wrong with a file and came to light only now. It was told.
        """
        if self._closed:
            return None
        self._closed = True
        try:
            self.dispatcher.settle_safely()
        finally:
            self.dispatcher.close()
            late = self.ledger.close(len(self.dispatcher.waiting))
            self.tenant.close()
        return late
