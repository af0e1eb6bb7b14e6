"""Holds the keys that exist in Planhat for one model, in eight bytes each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from planhat_api.bulk.key_case import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from planhat_api.lists.page import Lists
    from planhat_api.models.registry import Model

__all__ = ["UNIQUE_IN_COMPANY", "ExistingKeys", "TooManyPagesError", "company_in", "parameters_of", "rows_of"]

UNIQUE_IN_COMPANY = frozenset({"externalId", "extId"})
"""Keys that are unique within one company only, but for companies themselves (B62)."""


class TooManyPagesError(Exception):
    """The model holds more pages of rows than were to be read."""


def rows_of(
    lists: Lists,
    model: Model,
    fields: tuple[str, ...],
    company: str | None = None,
    most_pages: float = float("inf"),
) -> Iterator[dict[str, Any]]:
    """Every row of a model, hidden ones too, with these fields at least (a server may ignore ``select``, B35).

    Args:
        lists: Reads the rows.
        model: Their model.
        fields: Fields that are needed.
        company: ``_id`` of the one company whose rows are wanted; where the list cannot tell, others come too (B38).
        most_pages: How many pages to read.

    Raises:
        TooManyPagesError: There are more pages.
    """
    narrowed = {"companyId": company} if company and "companyId" in model.parameters else {}
    pages = 0
    for parameters in parameters_of(model):
        for page in lists.pages(model, params={**parameters, **narrowed}, select=fields):
            pages += 1
            if pages > most_pages:
                raise TooManyPagesError
            yield from page.records()


def parameters_of(model: Model) -> list[dict[str, str]]:
    """The sets of list parameters which together bring every row, without those that ask for all fields."""
    return [{name: value for name, value in one.items() if value != "*"} for one in model.passes]


def company_in(row: Mapping[str, Any], model: Model) -> str | None:
    """``_id`` of the company a row that was read belongs to; it may come as an object (B36)."""
    value = row.get(model.company or "")
    if isinstance(value, dict):
        value = value.get("_id") or value.get("id")
    return str(value) if value else None


class ExistingKeys:
    """The keys of one model.

    A key that several rows may have (B62) is held twice: with its company, and alone. It is known of each key whether
    one row has it or several. Two keys share a hash once in many billions of lookups; such a row would be taken for one
    that is held.
    """

    def __init__(self, rows: Iterable[dict[str, Any]], model: Model, keyables: tuple[str, ...]) -> None:
        """Take in the keys of rows that were read.

        Args:
            rows: All rows of the model, with their keys and their company.
            model: Their model.
            keyables: The keys to hold.
        """
        self._model = model
        self._keyables = keyables
        self._hashes = _Hashes()
        for row in rows:
            self.take(row)

    def take(self, row: dict[str, Any]) -> bool:
        """Take in the keys of a row that was read; False when it is known, which only ``_id`` among the keys tells."""
        if "_id" in self._keyables and ("_id", str(row.get("_id"))) in self:
            return False
        company = company_in(row, self._model)
        for name in self._keyables:
            if row.get(name):
                self._hashes.add(_forms(name, str(row[name]), company))
        return True

    def __contains__(self, key: tuple[str, ...]) -> bool:
        """Whether a row has this key: its name, its value and, where that matters, the ``_id`` of its company."""
        return self.rows_with(key) > 0

    def rows_with(self, key: tuple[str, ...]) -> int:
        """How many rows have this key: none, one, or two, which stands for more as well."""
        return self._hashes.count(_hash(*key))

    def holds_in_any_case(self, name: str, value: str) -> bool:
        """Whether a row has this key, or one that Planhat may take for the same (Q21)."""
        if name == "email":
            return self._hashes.count(_hash(_FOLDED, name, folded(name, value))) > 0
        return (name, value) in self

    def add(self, key: tuple[str, ...]) -> None:
        """Note the key of a row that was stored since: its name, its value and, where that matters, its company."""
        name, value, *company = key
        forms = _forms(name, value, company[0] if company else None)
        self._hashes.add([form for form in forms if not self._hashes.count(form)])


class _Hashes:
    """A bag of numbers of eight bytes that holds each at most twice.

    They stand in order in many short arrays: adding one moves few others, and nothing is ever sorted as a whole.
    """

    def __init__(self) -> None:
        self._parts = [array("Q", _END) for _ in range(1 << _BITS)]

    def count(self, wanted: int) -> int:
        part = self._parts[wanted >> _SHIFT]
        place = bisect_left(part, wanted)
        if part[place] != wanted:
            return 0
        return _SEVERAL if part[place + 1] == wanted else 1

    def add(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            part = self._parts[number >> _SHIFT]
            place = bisect_left(part, number)
            if part[place] != number or part[place + 1] != number:
                part.insert(place, number)


_BITS = 10
_SHIFT = 64 - _BITS
_MASK = (1 << 64) - 1
# Stands at the end of each array, so that there is always a number that is not smaller, and one after it.
_END = [_MASK] * 2
_SEVERAL = 2
_FOLDED = "in any case"
_SHARED = UNIQUE_IN_COMPANY | {"email"}


def _forms(name: str, value: str, company: str | None) -> list[int]:
    """The hash of a key in each form it may be asked for."""
    hashes = [_hash(name, value)]
    if company and name in _SHARED:
        hashes.append(_hash(name, value, company))
    # Only the form of an address depends on its case; other keys are found by their own hash.
    if name == "email":
        hashes.append(_hash(_FOLDED, name, folded(name, value)))
    return hashes


def _hash(*parts: str) -> int:
    # The hash of a text differs from process to process, and these do not leave the process.
    return hash("\0".join(parts)) & _MASK
