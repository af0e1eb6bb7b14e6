"""Notes which rows Planhat claims to have stored, and prepares a check of each model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import OutcomeKind
from target_planhat.delivery.claimed.check import ClaimCheck
from target_planhat.delivery.claimed.claimed_rows import ClaimedRows

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.clock import Clock
    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.settings import TargetSettings
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Claims"]

_CLAIMED = frozenset({OutcomeKind.CREATED, OutcomeKind.ACCEPTED})


class Claims:
    """The rows of a run that Planhat claims to have stored, of models of which it leaves out rows without an error."""

    def __init__(self, settings: TargetSettings, tenant: Tenant, clock: Clock, logger: logging.Logger) -> None:
        """Prepare. Without `verify_landing: all`, nothing is noted."""
        self._is_on = settings.verify_landing == "all" and settings.write != "nothing"
        self._seconds = float(settings.landing_seconds)
        self._tenant = tenant
        self._clock = clock
        self._logger = logger
        self._rows: ClaimedRows | None = None
        self._models: dict[str, Model] = {}

    def note(self, model: Model, item_outcomes: Sequence[ItemOutcomes]) -> None:
        """Note rows of a model with their outcomes, after the ledger has them.

        Raises:
            TemporaryFileError: The disk is full.
        """
        if not self._is_on or model.skipped is None:
            return
        for items, outcomes in item_outcomes:
            pairs = list(zip(items, outcomes, strict=True))
            if self._rows is not None:
                for item, outcome in pairs:
                    if outcome.kind is OutcomeKind.DELETED:
                        self._rows.forget(model, item, outcome.planhat_id)
            claimed = [(item, outcome) for item, outcome in pairs if outcome.kind in _CLAIMED]
            if claimed:
                self._rows = self._rows or ClaimedRows()
                self._models[model.path] = model
                self._rows.add(model, claimed)

    def checks(self) -> Iterator[ClaimCheck]:
        """A check of each model with such rows."""
        for model in self._models.values():
            if self._rows is not None and self._rows.number(model, None):
                yield ClaimCheck(
                    model,
                    self._rows,
                    self._tenant,
                    self._clock,
                    landing_seconds=self._seconds,
                    logger=self._logger,
                )

    def close(self) -> None:
        """Delete the temporary file."""
        if self._rows is not None:
            self._rows.close()
