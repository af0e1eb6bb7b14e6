"""Reads the keys and external ids that exist in Planhat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api.bulk.existing_keys import UNIQUE_IN_COMPANY, ExistingKeys, company_in, rows_of
from planhat_api.models.registry import all_models
from planhat_api.values.names import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model

__all__ = ["ExistingRows", "ExternalIds", "model_named"]

_COMPANIES = "companies"


def model_named(name: str) -> Model | None:
    """The model with this name in a metric point, e.g. `EndUser`; None if there is no such model."""
    wanted = folded(name)
    return next((model for model in all_models().values() if folded(model.name) == wanted), None)


class ExternalIds:
    """External ids of the records of one model, by Planhat's id. They are read once, when they are first needed."""

    def __init__(self, client: PlanhatClient, model: Model) -> None:
        """Prepare to read."""
        self._client = client
        self._model = model
        self._by_id: Mapping[str, str] | None = None
        self._all: set[str] = set()
        self._reads_again = False

    def of(self, planhat_id: str) -> str | None:
        """The external id of a record; None if it has none or does not exist."""
        return self._read().get(planhat_id)

    def __contains__(self, external_id: str) -> bool:
        """Whether a record has this external id."""
        self._read()
        if external_id not in self._all and self._may_be_old:
            self._by_id, self._reads_again = None, True
            self._read()
        return external_id in self._all

    @property
    def _may_be_old(self) -> bool:
        """Whether a look told which companies there are, which says nothing about those that were made since."""
        return self._model.path == _COMPANIES and self._client.companies.are_told

    @property
    def model_name(self) -> str:
        """The model of the records, as metric points name it."""
        return self._model.name

    def forget(self) -> None:
        """Read the external ids again when they are needed."""
        self._by_id, self._reads_again = None, True
        self._all.clear()

    def add(self, external_ids: Iterable[str]) -> None:
        """Add the external ids of records that this run has stored."""
        self._all.update(external_ids)

    def _read(self) -> Mapping[str, str]:
        if self._by_id is None:
            if self._model.path == _COMPANIES:
                self._by_id = self._client.companies.external_ids(again=self._reads_again)
            else:
                rows = rows_of(self._client, self._model, ("_id", "externalId"))
                self._by_id = {str(row["_id"]): str(row["externalId"]) for row in rows if row.get("externalId")}
            self._reads_again = False
            self._all.update(self._by_id.values())
        return self._by_id


class ExistingRows:
    """The rows of a model that exist in Planhat, by the keys of a stream. They are read once."""

    def __init__(self, client: PlanhatClient, model: Model, keyables: tuple[str, ...]) -> None:
        """Read the keys of the model, page by page."""
        self._client = client
        fields = tuple(dict.fromkeys(("_id", *keyables, *filter(None, (model.company,)))))
        self._keys = ExistingKeys(rows_of(client, model, fields), model, keyables)
        self._model = model
        self._deleted: set[tuple[str, ...]] = set()

    def __contains__(self, match: tuple[str, ...]) -> bool:
        """Whether a row with this key is in Planhat. The company in the key may be any reference."""
        key = self._with_company(match)
        return key in self._keys and key not in self._deleted

    def has_in_other_case(self, match: tuple[str, ...]) -> bool:
        """Whether this key is not in Planhat, but a key that Planhat may take for the same (Q21)."""
        key, value = match[:2]
        return key == "email" and match not in self and self._keys.holds_in_any_case(key, value)

    def add(self, match: tuple[str, ...]) -> None:
        """Add a row that this run has created."""
        key = self._with_company(match)
        self._deleted.discard(key)
        self._keys.add(key)

    def forget(self, row: Mapping[str, Any]) -> None:
        """Remove all keys of a row that this run has deleted."""
        company = company_in(row, self._model)
        for name in self._model.keyables:
            if row.get(name):
                within = (company,) if company and name in UNIQUE_IN_COMPANY else ()
                self._deleted.add((name, str(row[name]), *within))

    def _with_company(self, match: tuple[str, ...]) -> tuple[str, ...]:
        key, value, *named = match
        return (key, value, *(self._client.companies.find(reference) or reference for reference in named))
