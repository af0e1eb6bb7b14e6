"""Knows what is in Planhat already: existing keys, and the external id of a record."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from planhat_api.registry import all_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planhat_api import PlanhatClient
    from planhat_api.registry import Model

__all__ = ["ExistingKeys", "ExternalIds", "model_called", "rows_of"]


def model_called(name: str) -> Model:
    """The model a metric point names, e.g. `EndUser`."""
    wanted = name.lower()
    return next(model for model in all_models().values() if model.name.lower() == wanted)


def rows_of(client: PlanhatClient, model: Model, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Every row of a model, hidden ones too, with these fields at least (a server may ignore `select`, B35)."""
    for parameters in model.passes:
        own = {name: value for name, value in parameters.items() if value != "*"}
        for page in client.pages(model, params=own, select=fields):
            yield from page.records()


class ExternalIds:
    """External ids of the records of one model, by Planhat's id; read once, when first asked."""

    def __init__(self, client: PlanhatClient, model: Model) -> None:
        """Read nothing yet."""
        self._client = client
        self._model = model
        self._by_id: dict[str, str] | None = None
        self._all: frozenset[str] = frozenset()

    def of(self, planhat_id: str) -> str | None:
        """The external id of a record; None when it has none, or does not exist."""
        return self._read().get(planhat_id)

    def __contains__(self, external_id: str) -> bool:
        """Whether a record has this external id."""
        self._read()
        return external_id in self._all

    def _read(self) -> dict[str, str]:
        if self._by_id is None:
            if self._model.path == "companies":
                rows = iter(self._client.lean_companies().records())
            else:
                rows = rows_of(self._client, self._model, ("_id", "externalId"))
            self._by_id = {str(row["_id"]): str(row["externalId"]) for row in rows if row.get("externalId")}
            self._all = frozenset(self._by_id.values())
        return self._by_id


def _hash(key: str, value: str) -> int:
    return int.from_bytes(blake2b(f"{key}\0{value}".encode(), digest_size=8).digest(), "big")


class ExistingKeys:
    """Which keys exist in a model: 8 bytes for each, so that a million rows take 24 MB.

    Two keys share a hash once in many billions of lookups; that row would be taken for one that exists.
    """

    def __init__(self, client: PlanhatClient, model: Model, keyables: tuple[str, ...]) -> None:
        """Read the keys of the model, page by page."""
        hashes = array("Q")
        fields = tuple(dict.fromkeys(("_id", *keyables)))
        for row in rows_of(client, model, fields):
            hashes.extend(_hash(name, str(row[name])) for name in keyables if row.get(name))
        self._hashes = array("Q", sorted(hashes))
        self._added: set[int] = set()

    def __contains__(self, match: tuple[str, ...]) -> bool:
        """Whether a row with this key is in Planhat."""
        wanted = _hash(match[0], match[1])
        place = bisect_left(self._hashes, wanted)
        return wanted in self._added or (place < len(self._hashes) and self._hashes[place] == wanted)

    def add(self, match: tuple[str, ...]) -> None:
        """Note a row that this run has created."""
        self._added.add(_hash(match[0], match[1]))
