"""Finds companies of the tenant by their keys or domains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api.models.registry import model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planhat_api.lists.page import Lists

__all__ = ["Companies", "domain_of"]

_PREFIXES = {"externalId": "extid-", "sourceId": "srcid-"}


def domain_of(address: str) -> str:
    """The domain of an email address, in lower case; the whole text if it has no ``@``."""
    return address.rpartition("@")[2].strip().casefold()


class Companies:
    """The companies of a tenant. All are read at the first search, and again when a company is not found.

    Nothing is read for a company that the caller has read for another reason and told with ``learn``.

    Attributes:
        are_told: Whether it is known only from ``learn`` that there are no other companies. Then this is as old as what
            the caller read.
    """

    def __init__(self, lists: Lists) -> None:
        """Start without reading anything."""
        self._lists = lists
        self._ids: dict[str, str] = {}
        self._ids_are_old = True
        self._external_ids: dict[str, str] = {}
        self._domains: frozenset[str] | None = None
        self.are_told = False

    def learn(self, companies: Iterable[Mapping[str, str]], *, are_all: bool) -> None:
        """Take in companies that were read a moment ago.

        Args:
            companies: For each company its ``_id`` and those of its keys ``externalId`` and ``sourceId`` that it has.
            are_all: Whether the tenant has no others.
        """
        for company in companies:
            self._add(company)
        if self._ids_are_old and are_all:
            self._ids_are_old, self.are_told = False, True

    def external_ids(self, *, again: bool = False) -> Mapping[str, str]:
        """The external ids of all companies that have one, by ``_id``.

        Args:
            again: Whether they are read again, whatever is known.
        """
        if self._ids_are_old or again:
            self._read_keys()
        return self._external_ids

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

    def absent(self, references: Iterable[str], *, again: bool = True) -> set[str]:
        """The references, in the form of ``find``, that no company has. Reads again if some are not known.

        Args:
            references: The references.
            again: Whether to read again even if nothing says that there are new companies since they were read.
        """
        wanted = set(references)
        if wanted - self._ids.keys() and (again or self._ids_are_old):
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
        self._external_ids = {}

    def _read_keys(self) -> None:
        rows = self._lists.lean_companies().records()
        self._external_ids = {}
        for row in rows:
            self._add(row)
        self._ids_are_old = self.are_told = False

    def _add(self, company: Mapping[str, Any]) -> None:
        planhat_id = str(company["_id"])
        self._ids[planhat_id] = planhat_id
        for name, form in _PREFIXES.items():
            if company.get(name):
                self._ids[f"{form}{company[name]}"] = planhat_id
        if company.get("externalId"):
            self._external_ids[planhat_id] = str(company["externalId"])

    def _read_domains(self) -> set[str]:
        domains: set[str] = set()
        for page in self._lists.pages(model("companies"), select=("_id", "domains")):
            for row in page.records():
                found = row.get("domains")
                domains.update(domain_of(text) for text in found or () if isinstance(text, str))
        return domains
