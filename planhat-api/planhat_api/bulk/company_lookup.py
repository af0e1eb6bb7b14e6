"""Looks up the companies that rows belong to, and tells which rows Planhat finds none for."""

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
_IGNORED = "Planhat ignored the row without a word"
_BY_EXTERNAL_ID = "companyExternalId"


class CompanyLookup:
    """The companies that rows of one model name, or belong to by the domain of their address.

    A list that cannot be read is not asked for again; no company is missing then.
    """

    def __init__(self, companies: Companies, model: Model) -> None:
        """Read nothing yet."""
        self._companies = companies
        self._model = model
        company_lookup = model.company_lookup
        named = (model.company.removesuffix("[]"),) if model.company else ()
        self._fields = company_lookup.fields if company_lookup else named
        self._address = company_lookup.address if company_lookup else None
        self._body = _reader((*self._fields, *filter(None, (self._address,))))
        self._absent: set[str] = set()
        self._readable = {"keys": True, "domains": True}

    def outdate(self) -> None:
        """Note that rows are about to be sent for the first time: companies may have come since."""
        self._absent.clear()

    def naming_no_known_company(self, rows: Sequence[Row]) -> list[int]:
        """Indices of the rows that name a company, and none that Planhat holds."""
        named = [self._named(self._body(row.body)) for row in rows]
        absent = self._absent_of({reference for references in named for reference in references})
        if not absent:
            return []
        return [index for index, references in enumerate(named) if references and absent.issuperset(references)]

    def without_known_domain(self, rows: Sequence[Row]) -> list[int]:
        """Indices of the rows that name no company, and whose address has a domain of no company (B89)."""
        if self._address is None:
            return []
        bodies = [self._body(row.body) for row in rows]
        return [
            index
            for index, body in enumerate(bodies)
            if not self._named(body) and not self._has_known_domain(getattr(body, self._address))
        ]

    def why_ignored(self, row: Row) -> str | None:
        """Why Planhat may have ignored a row without a word; None when companies do not explain it."""
        if self._address is None:
            return None
        body = self._body(row.body)
        if self._named(body):
            return f"{_IGNORED}: most likely it holds no company that {' or '.join(self._fields)} names"
        without = f"{_IGNORED}: it names no company ({self._fields[0]})"
        address = getattr(body, self._address)
        if not isinstance(address, str) or "@" not in address:
            return f"{without} and has no address in {self._address} whose domain could tell the company"
        domain = shortened(domain_of(address), _LONGEST_DOMAIN)
        return f"{without}, and most likely no company has {domain} among its domains"

    def _named(self, body: msgspec.Struct) -> list[str]:
        """The companies a row names, as references (B22)."""
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
            self._absent |= self._looked_up("keys", lambda: self._companies.absent(unsure), otherwise=set())
        return self._absent

    def _has_known_domain(self, address: Any) -> bool:  # noqa: ANN401 - any JSON value
        # Without the list, every row that names no company is as likely as the others to have been ignored.
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
    """What reads only these fields of a row."""
    return msgspec.json.Decoder(msgspec.defstruct("Body", [(name, Any, None) for name in fields])).decode
