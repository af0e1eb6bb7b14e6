"""What a run knows of the Planhat that it writes to, each part read once and when it is first needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from target_planhat.tenant.addresses import Addresses
from target_planhat.tenant.custom_fields import CustomFields
from target_planhat.tenant.existing_rows import ExistingRows, ExternalIds

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence

    from planhat_api import PlanhatClient, Row
    from planhat_api.models.registry import Model
    from target_planhat.tenant.custom_fields import Kind

__all__ = ["Tenant"]


class Tenant:
    """The one client of a run, and what was read with it.

    Attributes:
        can_push: Whether the settings hold what the analytics host wants.
    """

    def __init__(
        self,
        connect: Callable[[], PlanhatClient],
        logger: logging.Logger,
        kind_of: Callable[[str], Kind],
        *,
        checks_custom_fields: bool,
        can_push: bool,
    ) -> None:
        """Read nothing yet.

        Args:
            connect: Makes the client when it is first needed.
            logger: Where people read.
            kind_of: The kind of a custom field by its type in Planhat.
            checks_custom_fields: Whether the names of custom fields are checked.
            can_push: Whether the settings hold what the analytics host wants.
        """
        self.can_push = can_push
        self._connect = connect
        self._logger = logger
        self._kind_of = kind_of
        self._checks_custom_fields = checks_custom_fields
        self._opened: list[PlanhatClient | Addresses] = []
        self._external_ids: dict[str, ExternalIds] = {}
        self._existing: dict[tuple[str, tuple[str, ...]], ExistingRows] = {}

    @cached_property
    def client(self) -> PlanhatClient:
        """The one client of the run."""
        client = self._connect()
        self._opened.append(client)
        return client

    @cached_property
    def addresses(self) -> Addresses:
        """The addresses that named rows."""
        addresses = Addresses(self._logger)
        self._opened.append(addresses)
        return addresses

    @cached_property
    def custom_fields(self) -> CustomFields:
        """The custom fields."""
        return CustomFields(self.client, self._logger, self._kind_of, check=self._checks_custom_fields)

    def external_ids(self, model: Model) -> ExternalIds:
        """External ids of the records of a model, read once."""
        if model.path not in self._external_ids:
            self._external_ids[model.path] = ExternalIds(self.client, model)
        return self._external_ids[model.path]

    def existing(self, model: Model, keyables: tuple[str, ...]) -> ExistingRows:
        """The rows of a model that exist, by these keys; read once."""
        place = (model.path, keyables)
        if place not in self._existing:
            self._existing[place] = ExistingRows(self.client, model, keyables)
        return self._existing[place]

    def existing_of(self, model: Model) -> list[ExistingRows]:
        """What was read of the rows of a model that exist."""
        return [known for (path, _), known in self._existing.items() if path == model.path]

    def knows_rows_of(self, model: Model) -> bool:
        """Whether anything was read of the rows of a model, which goes out of date when rows are stored."""
        return model.path in self._external_ids or bool(self.existing_of(model))

    def note_stored(self, model: Model, rows: Sequence[Row]) -> None:
        """Take in rows that the run has stored."""
        external_ids = self._external_ids.get(model.path)
        if external_ids is not None:
            external_ids.learn(row.keys["externalId"] for row in rows if "externalId" in row.keys)
        for known in self.existing_of(model):
            for row in rows:
                if row.match is not None:
                    known.add(row.match)

    def close(self) -> None:
        """Let go of connections and of the temporary file."""
        for opened in sorted(self._opened, key=lambda one: not isinstance(one, Addresses)):
            opened.close()
