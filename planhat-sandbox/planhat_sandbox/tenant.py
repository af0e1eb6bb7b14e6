"""Contains the state of one tenant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from planhat_sandbox.ids import IdMaker

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_sandbox.clock import Clock
    from planhat_sandbox.points import Points
    from planhat_sandbox.store import Row, Store, Value
    from planhat_sandbox.switches import Switches

__all__ = ["Tenant", "collection_path"]


def collection_path(model: Model) -> str:
    """The path of the collection with the rows of a model. Tickets are stored as conversations."""
    return "conversations" if model.path == "tickets" else model.path


@dataclass
class Tenant:
    """The state of one tenant: rows, points, clock and switches."""

    store: Store
    points: Points
    switches: Switches
    clock: Clock
    api_token: str
    tenant_token: str
    seed: int

    def __post_init__(self) -> None:
        """Start with empty lists of activities and changes."""
        self.activities: list[Row] = []
        self.moves: list[Row] = []
        self._invoices: dict[str, int] = {}
        self._fields: tuple[int, dict[str, dict[str, Row]]] = (-1, {})

    @cached_property
    def ids(self) -> IdMaker:
        """Makes the ids of new rows."""
        return IdMaker(self.clock)

    def custom_fields(self, model_name: str) -> dict[str, Row]:
        """The custom fields of a model by name. The spelling of the model does not matter (B38)."""
        collection = self.store["customfields"]
        if self._fields[0] != collection.version:
            by_parent: dict[str, dict[str, Row]] = {}
            for row in collection.rows():
                by_parent.setdefault(_parent(row.get("parent")), {})[str(row["name"])] = row
            self._fields = (collection.version, by_parent)
        return self._fields[1].get(_parent(model_name), {})

    def next_invoice(self, company_id: str) -> int:
        """The number of the next invoice of a company; each number is used only once."""
        if company_id not in self._invoices:
            invoices = self.store["invoices"]
            self._invoices[company_id] = len(invoices.find("cId", company_id))
        self._invoices[company_id] += 1
        return self._invoices[company_id]

    def name_of(self, path: str, row_id: Value, field: str = "name") -> str | None:
        """The display name of a row of another model."""
        collection = self.store[path]
        return collection.column(field).get(row_id) if row_id in collection else None


def _parent(name: object) -> str:
    return str(name).casefold().replace(" ", "").replace("_", "")
