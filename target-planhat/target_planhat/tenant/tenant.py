"""Gives access to what the target knows about the Planhat tenant that it writes to."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from target_planhat.tenant.addresses import Addresses
from target_planhat.tenant.custom_fields import CustomFields
from target_planhat.tenant.destination import Destination
from target_planhat.tenant.existing_rows import ExistingRows, ExternalIds
from target_planhat.tenant.metric_days import MetricDays

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence

    from planhat_api import PlanhatClient, Row
    from planhat_api.models.registry import Model
    from planhat_api.values.field_type import FieldType
    from target_planhat.clock import Clock
    from target_planhat.settings import TargetSettings

__all__ = ["Tenant"]


class Tenant:
    """The client of a run, and what was read with it. Each part is read once, when it is first needed.

    Attributes:
        can_push: Whether the settings contain the tenant token, which the analytics host needs.
    """

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        connect: Callable[[], PlanhatClient],
        logger: logging.Logger,
        type_of: Callable[[str], FieldType],
        settings: TargetSettings,
        clock: Clock,
        *,
        can_push: bool,
    ) -> None:
        """Prepare to read.

        Args:
            connect: Creates the client when it is first needed.
            logger: Logger of the target.
            type_of: Gives the type of a custom field from its type name in Planhat.
            settings: Say whether the names of custom fields are checked, and how old a look may be.
            clock: The clock of the run.
            can_push: Whether the settings contain the tenant token, which the analytics host needs.
        """
        self.can_push = can_push
        self._connect = connect
        self._logger = logger
        self._type_of = type_of
        self._checks_custom_fields = settings.custom_field_definitions
        self._opened: list[PlanhatClient | Addresses] = []
        # A plan knows the rows that it would write from its only look.
        most_seconds = float("inf") if settings.write == "nothing" else settings.look_max_age
        self.destination = Destination(
            lambda: self.client, lambda: self.custom_fields, logger, most_seconds, settings.batch_size_rows
        )
        self.metric_days = MetricDays(lambda: self.client, self.external_ids, clock.now, most_seconds)
        self._external_ids: dict[str, ExternalIds] = {}
        self._existing: dict[tuple[str, tuple[str, ...]], ExistingRows] = {}

    @cached_property
    def client(self) -> PlanhatClient:
        """The one client of the run."""
        client = self._connect()
        self._opened.append(client)
        return client

    @property
    def calls(self) -> int:
        """Calls of the run so far."""
        return self.client.calls if "client" in self.__dict__ else 0

    @cached_property
    def addresses(self) -> Addresses:
        """The email addresses that are keys of rows."""
        addresses = Addresses(self._logger)
        self._opened.append(addresses)
        return addresses

    @cached_property
    def custom_fields(self) -> CustomFields:
        """The custom fields."""
        return CustomFields(self.client, self._logger, self._type_of, check=self._checks_custom_fields)

    def external_ids(self, model: Model) -> ExternalIds:
        """The external ids of the records of a model."""
        if model.path not in self._external_ids:
            self._external_ids[model.path] = ExternalIds(self.client, model)
        return self._external_ids[model.path]

    def forget_external_ids(self, model: Model) -> None:
        """Read the external ids of the records of a model again when they are needed."""
        if model.path in self._external_ids:
            self._external_ids[model.path].forget()

    def models_with(self, external_id: str) -> list[str]:
        """The models with a record that has this external id, among those whose external ids were read."""
        return [ids.model_name for ids in self._external_ids.values() if external_id in ids]

    def existing(self, model: Model, keyables: tuple[str, ...]) -> ExistingRows:
        """The rows of a model that exist in Planhat, by these keys."""
        place = (model.path, keyables)
        if place not in self._existing:
            self._existing[place] = ExistingRows(self.client, model, keyables)
        return self._existing[place]

    def existing_of(self, model: Model) -> list[ExistingRows]:
        """All that was read about existing rows of a model."""
        return [known for (path, _), known in self._existing.items() if path == model.path]

    def knows_rows_of(self, model: Model) -> bool:
        """Whether anything was read about the rows of a model that must be updated when rows are stored."""
        return model.path in self._external_ids or bool(self.existing_of(model))

    def note_stored(self, model: Model, rows: Sequence[Row]) -> None:
        """Add rows that the run has stored."""
        external_ids = self._external_ids.get(model.path)
        if external_ids is not None:
            external_ids.add(row.keys["externalId"] for row in rows if "externalId" in row.keys)
        for known in self.existing_of(model):
            for row in rows:
                if row.match is not None:
                    known.add(row.match)

    def close(self) -> None:
        """Close connections and delete the temporary files."""
        self.destination.close()
        self.metric_days.close()
        for opened in sorted(self._opened, key=lambda one: not isinstance(one, Addresses)):
            opened.close()
