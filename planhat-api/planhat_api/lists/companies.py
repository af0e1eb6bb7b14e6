"""Finds companies of the tenant by their keys or domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.models.registry import model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planhat_api.lists.page import Lists

__all__ = ["Companies", "domain_of"]

_PREFIXES = {"externalId": "extid-", "sourceId": "srcid-"}


def domain_of(address: str) -> str:
    """The domain of an email address, in lower case; the whole text if it has no ``@``."""
    return address.rpartition("@")[2].strip().casefold()


class Companies:
    """The companies of a tenant. All are read at the first search, and again when a company is not found."""

    def __init__(self, lists: Lists) -> None:
        """Start without reading anything."""
        self._lists = lists
        self._ids: dict[str, str] = {}
        self._ids_are_old = True
        self._domains: frozenset[str] | None = None

    def find(self, reference: str) -> str | None:
        """The ``_id`` of a company given as ``_id``, ``extid-…`` or ``srcid-…`` (B22).

        Returns:
            None if no company has such a key. An ``_id`` is returned without a check.
        """
        if not reference.startswith(tuple(_PREFIXES.values())):
            return reference
        if reference not in self._ids and self._ids_are_old:
            self._read_keys()
        return self._ids.get(reference)

    def known(self, reference: str) -> str | None:
        """The same as ``find``, but without reading again."""
        return self._ids.get(reference) if reference.startswith(tuple(_PREFIXES.values())) else reference

    def absent(self, references: Iterable[str]) -> set[str]:
        """The references, in the form of ``find``, that no company has. Reads again if some are not known."""
        wanted = set(references)
        if wanted - self._ids.keys():
            self._read_keys()
        return wanted - self._ids.keys()

    def owns_domain(self, domain: str) -> bool:
        """Whether this domain, in lower case, is one of a company's domains (B86)."""
        if self._domains is None:
            self._domains = frozenset(self._read_domains())
        return domain in self._domains

    def invalidate(self) -> None:
        """Note that there may be new companies or domains."""
        self._ids_are_old = True
        self._domains = None

    def forget(self) -> None:
        """Note that companies may be deleted, with their keys and domains."""
        self.invalidate()
        self._ids.clear()

    def _read_keys(self) -> None:
        for row in self._lists.lean_companies().records():
            self._ids[str(row["_id"])] = str(row["_id"])
            for name, form in _PREFIXES.items():
                if row.get(name):
                    self._ids[f"{form}{row[name]}"] = str(row["_id"])
        self._ids_are_old = False

    def _read_domains(self) -> set[str]:
        domains: set[str] = set()
        for page in self._lists.pages(model("companies"), select=("_id", "domains")):
            for row in page.records():
                found = row.get("domains")
                domains.update(domain_of(text) for text in found or () if isinstance(text, str))
        return domains
