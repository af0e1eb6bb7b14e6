"""Knows what is in Planhat already: existing keys, companies, and the external id of a record."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from planhat_api.registry import all_models
from target_planhat.keys import UNIQUE_IN_COMPANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from planhat_api import PlanhatClient
    from planhat_api.registry import Model

__all__ = ["Companies", "ExistingKeys", "ExternalIds", "company_in", "model_called", "rows_of"]


def model_called(name: str) -> Model:
    """The model a metric point names, e.g. `EndUser`."""
    wanted = name.lower()
    return next(model for model in all_models().values() if model.name.lower() == wanted)


def rows_of(
    client: PlanhatClient, model: Model, fields: tuple[str, ...], company: str | None = None
) -> Iterator[dict[str, Any]]:
    """Every row of a model, hidden ones too, with these fields at least (a server may ignore `select`, B35).

    Args:
        client: Reads the rows.
        model: Their model.
        fields: Fields that are needed.
        company: `_id` of the one company whose rows are wanted; where the list cannot tell, others come too (B38).
    """
    narrowed = {"companyId": company} if company and "companyId" in model.parameters else {}
    for parameters in model.passes:
        own = {name: value for name, value in parameters.items() if value != "*"} | narrowed
        for page in client.pages(model, params=own, select=fields):
            yield from page.records()


def company_in(row: Mapping[str, Any], model: Model) -> str | None:
    """`_id` of the company a row that was read belongs to; it may come as an object (B36)."""
    value = row.get(model.company or "")
    if isinstance(value, dict):
        value = value.get("_id") or value.get("id")
    return str(value) if value else None


class Companies:
    """Finds the company that a row to be written names (B22); all are read once, when first asked."""

    def __init__(self, client: PlanhatClient) -> None:
        """Read nothing yet."""
        self._client = client
        self._ids: dict[str, str] = {}
        self._outdated = True

    def find(self, reference: str) -> str | None:
        """The `_id` of a company given as `_id`, `extid-…` or `srcid-…`; None when there is none with such a key."""
        if not reference.startswith(("extid-", "srcid-")):
            return reference
        if reference not in self._ids and self._outdated:
            self._read()
        return self._ids.get(reference)

    def outdate(self) -> None:
        """Note that there may be new ones."""
        self._outdated = True

    def _read(self) -> None:
        for row in self._client.lean_companies().records():
            for name, form in (("externalId", "extid-"), ("sourceId", "srcid-")):
                if row.get(name):
                    self._ids[f"{form}{row[name]}"] = str(row["_id"])
        self._outdated = False


class ExternalIds:
    """External ids of the records of one model, by Planhat's id; read once, when first asked."""

    def __init__(self, client: PlanhatClient, model: Model) -> None:
        """Read nothing yet."""
        self._client = client
        self._model = model
        self._by_id: dict[str, str] | None = None
        self._all: set[str] = set()

    def of(self, planhat_id: str) -> str | None:
        """The external id of a record; None when it has none, or does not exist."""
        return self._read().get(planhat_id)

    def __contains__(self, external_id: str) -> bool:
        """Whether a record has this external id."""
        self._read()
        return external_id in self._all

    def learn(self, external_ids: Iterable[str]) -> None:
        """Note records that this run has stored."""
        self._all.update(external_ids)

    def _read(self) -> dict[str, str]:
        if self._by_id is None:
            if self._model.path == "companies":
                rows = iter(self._client.lean_companies().records())
            else:
                rows = rows_of(self._client, self._model, ("_id", "externalId"))
            self._by_id = {str(row["_id"]): str(row["externalId"]) for row in rows if row.get("externalId")}
            self._all.update(self._by_id.values())
        return self._by_id


def _hash(*match: str) -> int:
    return int.from_bytes(blake2b("\0".join(match).encode(), digest_size=8).digest(), "big")


class ExistingKeys:
    """Which keys exist in a model: 8 bytes for each, so that a million rows take about 24 MB.

    A key that is unique within one company only (B62) is held with its company, and without for rows that name none.
    Two keys share a hash once in many billions of lookups; that row would be taken for one that exists.
    """

    def __init__(self, client: PlanhatClient, model: Model, keyables: tuple[str, ...], companies: Companies) -> None:
        """Read the keys of the model, page by page."""
        self._companies = companies
        hashes = array("Q")
        fields = tuple(dict.fromkeys(("_id", *keyables, *filter(None, (model.company,)))))
        for row in rows_of(client, model, fields):
            company = company_in(row, model)
            for name in keyables:
                if row.get(name):
                    hashes.append(_hash(name, str(row[name])))
                    if company and name in UNIQUE_IN_COMPANY:
                        hashes.append(_hash(name, str(row[name]), company))
        self._hashes = array("Q", sorted(hashes))
        self._added: set[int] = set()

    def __contains__(self, match: tuple[str, ...]) -> bool:
        """Whether a row with this key is in Planhat."""
        wanted = _hash(*self._with_company(match))
        place = bisect_left(self._hashes, wanted)
        return wanted in self._added or (place < len(self._hashes) and self._hashes[place] == wanted)

    def add(self, match: tuple[str, ...]) -> None:
        """Note a row that this run has created."""
        self._added |= {_hash(*match[:2]), _hash(*self._with_company(match))}

    def _with_company(self, match: tuple[str, ...]) -> tuple[str, ...]:
        """The key with the `_id` of its company, whichever way the row names it."""
        key, value, *named = match
        return (key, value, *(self._companies.find(reference) or reference for reference in named))
