"""Looks up the companies of rows, to find rows that belong to no company in Planhat."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from planhat_api.errors import PlanhatError
from planhat_api.lists.companies import domain_of
from planhat_api.redaction import shortened
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api.lists.companies import Companies
    from planhat_api.models.registry import Model
    from planhat_api.row import Row

__all__ = ["CompanyLookup"]

_T = TypeVar("_T")
_log = logging.getLogger("planhat_api")
_LONGEST_DOMAIN = 100
_IGNORED = "Planhat ignored the row without an error"
_BY_EXTERNAL_ID = "companyExternalId"


class CompanyLookup:
    """Looks up the companies of the rows of one model, by reference or by the domain of an address.

    A list that cannot be read is not requested again. Then no company counts as missing.
    """

    def __init__(self, companies: Companies, model: Model) -> None:
        """Prepare to read."""
        self._companies = companies
        self._model = model
        company_lookup = model.company_lookup
        named = (model.company.removesuffix("[]"),) if model.company else ()
        self._fields = company_lookup.fields if company_lookup else named
        self._address = company_lookup.address if company_lookup else None
        self._body = _reader((*self._fields, *filter(None, (self._address,))))
        self._absent: set[str] = set()
        self._readable = {"keys": True, "domains": True}

    def invalidate(self) -> None:
        """Forget missing companies before new rows are sent, because companies may have been created since."""
        self._absent.clear()

    def naming_no_known_company(self, rows: Sequence[Row]) -> list[int]:
        """Indices of the rows that name only companies which are not in Planhat."""
        named = [self._named(self._body(row.body)) for row in rows]
        absent = self._absent_of({reference for references in named for reference in references})
        if not absent:
            return []
        return [index for index, references in enumerate(named) if references and absent.issuperset(references)]

    def without_known_domain(self, rows: Sequence[Row]) -> list[int]:
        """Indices of the rows that name no company and whose address has a domain of no company (B89)."""
        if self._address is None:
            return []
        bodies = [self._body(row.body) for row in rows]
        return [
            index
            for index, body in enumerate(bodies)
            if not self._named(body) and not self._has_known_domain(getattr(body, self._address))
        ]

    def why_ignored(self, row: Row) -> str | None:
        """Why Planhat may have ignored a row without an error; None if its company is not the reason."""
        if self._address is None:
            return None
        body = self._body(row.body)
        if self._named(body):
            return f"{_IGNORED}: most likely there is no company that {' or '.join(self._fields)} names"
        without = f"{_IGNORED}: it names no company ({self._fields[0]})"
        address = getattr(body, self._address)
        if not isinstance(address, str) or "@" not in address:
            return f"{without} and has no address in {self._address} whose domain could identify the company"
        domain = shortened(domain_of(address), _LONGEST_DOMAIN)
        return f"{without}, and most likely no company has {domain} among its domains"

    def _named(self, body: msgspec.Struct) -> list[str]:
        """References to the companies of a row (B22)."""
        found: list[str] = []
        for name in self._fields:
            value = getattr(body, name)
            if value:
                form = "extid-{}" if name == _BY_EXTERNAL_ID else "{}"
                texts = map(key_text, value if isinstance(value, list) else [value])
                found += [form.format(text) for text in texts if text]
        return found

    def _absent_of(self, references: set[str]) -> set[str]:
        unsure = references - self._absent
        if unsure:
            absent_of = self._companies.absent
            self._absent |= self._looked_up("keys", lambda: absent_of(unsure, again=False), otherwise=set())
        return self._absent

    def _has_known_domain(self, address: Any) -> bool:  # noqa: ANN401 - any JSON value
        # If the list cannot be read, the domain counts as unknown for all rows that name no company.
        if not isinstance(address, str) or "@" not in address:
            return False
        return self._looked_up("domains", lambda: self._companies.owns_domain(domain_of(address)), otherwise=False)

    def _looked_up(self, at: str, look: Callable[[], _T], otherwise: _T) -> _T:
        if self._readable[at]:
            try:
                return look()
            except PlanhatError as error:
                _log.info("The %s of companies cannot be looked up: %s", at, error)
                self._readable[at] = False
        return otherwise


def _reader(fields: Sequence[str]) -> Callable[[bytes], msgspec.Struct]:
    """A function that reads only these fields of a row."""
    return msgspec.json.Decoder(msgspec.defstruct("Body", [(name, Any, None) for name in fields])).decode
