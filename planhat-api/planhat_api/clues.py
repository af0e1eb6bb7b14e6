"""Looks at what the tenant holds, to tell the fate of rows that a bulk answer leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from planhat_api.companies import domain_of
from planhat_api.errors import AccessError, NotFoundError
from planhat_api.held_keys import HeldKeys, rows_of
from planhat_api.jsontext import decode
from planhat_api.redaction import shortened
from planhat_api.verdict import VANISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from planhat_api.companies import Companies
    from planhat_api.page import Lists
    from planhat_api.registry import Model
    from planhat_api.row import Row

__all__ = ["Clues", "NoClues", "TenantClues"]

_MOST_ROWS = 600_000
"""Rows of a model that are read to learn their keys: at most 300 calls of 2,000."""
_LONGEST_DOMAIN = 100
_IGNORED = "Planhat ignored the row without a word: it names no company (companyId)"


class Clues(Protocol):
    """Where to look for the rows that Planhat did not store."""

    def suspects(self, rows: Sequence[Row]) -> list[int]:
        """Indices of the rows that Planhat most likely ignored; none when nothing hints at any."""

    def held(self, rows: Sequence[Row]) -> Iterator[list[bool | None]]:
        """Whether the model holds a row with the key of each, None where the key does not tell.

        Yields:
            What is known so far, then what a new look tells; nothing when nobody can look.
        """

    def reason(self, row: Row) -> str:
        """Why Planhat may have ignored a row without a word."""


class NoClues:
    """Knows nothing."""

    def suspects(self, rows: Sequence[Row]) -> list[int]:
        """None."""
        del rows
        return []

    def held(self, rows: Sequence[Row]) -> Iterator[list[bool | None]]:
        """Nothing."""
        del rows
        return iter(())

    def reason(self, row: Row) -> str:
        """That nothing is known of it."""
        del row
        return VANISHED


class TenantClues:
    """What the tenant holds of one model. Each list is read once, when it is first needed.

    A clue is never the only proof: what it says is held against Planhat's own counts.
    """

    def __init__(self, lists: Lists, model: Model, companies: Companies) -> None:
        """Read nothing yet.

        Args:
            lists: Reads what the model holds.
            model: The model of the rows.
            companies: The companies of the tenant.
        """
        self._lists = lists
        self._model = model
        self._companies = companies
        self._keys: HeldKeys | None = None
        self._readable = True
        self._fresh = False

    def begin(self) -> None:
        """Note that rows are about to be sent: what was read before may be old by the time it is asked for."""
        self._fresh = False

    def suspects(self, rows: Sequence[Row]) -> list[int]:
        """Rows that name no company and whose address has a domain of no company (B89)."""
        placing = self._model.placing
        if placing is None:
            return []
        bodies = [(index, decode(row.body)) for index, row in enumerate(rows)]
        alone = [(index, body) for index, body in bodies if not any(body.get(name) for name in placing.fields)]
        try:
            return [index for index, body in alone if not self._is_placed(body.get(placing.address))]
        except (AccessError, NotFoundError):
            return [index for index, _ in alone]

    def _is_placed(self, address: Any) -> bool:  # noqa: ANN401 - any JSON value
        return isinstance(address, str) and "@" in address and self._companies.owns_domain(domain_of(address))

    def reason(self, row: Row) -> str:
        """Why Planhat may have ignored a row without a word."""
        placing = self._model.placing
        body = decode(row.body)
        if placing is None or any(body.get(name) for name in placing.fields):
            return VANISHED
        address = body.get(placing.address)
        if not isinstance(address, str) or "@" not in address:
            return f"{_IGNORED} and has no address in {placing.address} whose domain could tell the company"
        domain = shortened(domain_of(address), _LONGEST_DOMAIN)
        return f"{_IGNORED}, and most likely no company has {domain} among its domains"

    def held(self, rows: Sequence[Row]) -> Iterator[list[bool | None]]:
        """Whether the model holds the first key of each row (B58), whatever the company."""
        if self._keys is not None:
            yield [self._is_held(row.keys, self._keys) for row in rows]
        if self._readable and not self._fresh:
            self._read()
            if self._keys is not None:
                yield [self._is_held(row.keys, self._keys) for row in rows]

    def _is_held(self, carried: Mapping[str, str], keys: HeldKeys) -> bool | None:
        forms = [(name, carried[name]) for name in self._model.keyables if name in carried]
        if forms and forms[0] in keys:
            return True
        # Whether Planhat tries the lower keys, or takes an address in other case for the same, is not known (Q10, Q21).
        return None if any(keys.holds_in_any_case(*form) for form in forms) else False

    def _read(self) -> None:
        try:
            self._keys = HeldKeys(self._rows(), self._model, self._model.keyables)
        except (AccessError, NotFoundError, _TooManyError):
            self._keys, self._readable = None, False
        self._fresh = True

    def _rows(self) -> Iterator[dict[str, Any]]:
        fields = tuple(dict.fromkeys(("_id", *self._model.keyables)))
        for number, row in enumerate(rows_of(self._lists, self._model, fields)):
            if number == _MOST_ROWS:
                raise _TooManyError
            yield row

    def stored(self, rows: Iterable[Row]) -> None:
        """Note rows that Planhat has stored since."""
        if self._keys is not None:
            for row in rows:
                for key in row.keys.items():
                    self._keys.add(key)


class _TooManyError(Exception):
    """The model holds more rows than are read to learn their keys."""
