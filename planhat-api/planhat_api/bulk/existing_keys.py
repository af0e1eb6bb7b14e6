"""Keeps the existing keys of one model in memory, with eight bytes for each."""

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
"""Keys that are unique only within one company, except for companies themselves (B62)."""


class TooManyPagesError(Exception):
    """The model has more pages of rows than the limit."""


def rows_of(
    lists: Lists,
    model: Model,
    fields: tuple[str, ...],
    company: str | None = None,
    most_pages: float = float("inf"),
) -> Iterator[dict[str, Any]]:
    """All rows of a model, including hidden ones, with at least these fields (a server may ignore ``select``, B35).

    Args:
        lists: Reads the rows.
        model: Their model.
        fields: Fields that are needed.
        company: ``_id`` of the company of the rows. If the list has no such filter, rows of other companies come, too
            (B38).
        most_pages: Number of pages to read at most.

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
    """The sets of list parameters that together return all rows, without parameters that request all fields."""
    return [{name: value for name, value in one.items() if value != "*"} for one in model.passes]


def company_in(row: Mapping[str, Any], model: Model) -> str | None:
    """``_id`` of the company of a row that was read. It may be in an object (B36)."""
    value = row.get(model.company or "")
    if isinstance(value, dict):
        value = value.get("_id") or value.get("id")
    return str(value) if value else None


class ExistingKeys:
    """The existing keys of one model.

    A key that several rows may have (B62) is stored twice: with its company, and alone. For each key it is known
    whether one or several rows have it. Once in many billions of lookups, two keys have the same hash. Then a row that
    does not exist counts as existing.
    """

    def __init__(self, rows: Iterable[dict[str, Any]], model: Model, keyables: tuple[str, ...]) -> None:
        """Add the keys of rows that were read.

        Args:
            rows: All rows of the model, with their keys and their company.
            model: Their model.
            keyables: The names of the keys to store.
        """
        self._model = model
        self._keyables = keyables
        self._hashes = _Hashes()
        for row in rows:
            self.add_row(row)

    def add_row(self, row: dict[str, Any]) -> bool:
        """Add the keys of a row that was read. False if it is known, which can be seen only if ``_id`` is a keyable."""
        if "_id" in self._keyables and ("_id", str(row.get("_id"))) in self:
            return False
        company = company_in(row, self._model)
        for name in self._keyables:
            if row.get(name):
                self._hashes.add(_forms(name, str(row[name]), company))
        return True

    def __contains__(self, key: tuple[str, ...]) -> bool:
        """Whether a row has this key: its name, its value and, if necessary, the ``_id`` of its company."""
        return self.rows_with(key) > 0

    def rows_with(self, key: tuple[str, ...]) -> int:
        """Number of rows with this key: none, one, or two for two or more."""
        return self._hashes.count(_hash(*key))

    def holds_in_any_case(self, name: str, value: str) -> bool:
        """Whether a row has this key, or a key that Planhat may take for the same (Q21)."""
        if name == "email":
            return self._hashes.count(_hash(_FOLDED, name, folded(name, value))) > 0
        return (name, value) in self

    def add(self, key: tuple[str, ...]) -> None:
        """Add the key of a row that was stored since: its name, its value and, if necessary, its company."""
        name, value, *company = key
        forms = _forms(name, value, company[0] if company else None)
        self._hashes.add([form for form in forms if not self._hashes.count(form)])


class _Hashes:
    """A collection of 64-bit numbers, each at most twice.

    They are sorted in many short arrays. So adding a number moves only a few others, and sorting is never necessary.
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
# The end of each array. So there is always a number that is not smaller, and a number after it.
_END = [_MASK] * 2
_SEVERAL = 2
_FOLDED = "in any case"
_SHARED = UNIQUE_IN_COMPANY | {"email"}


def _forms(name: str, value: str, company: str | None) -> list[int]:
    """The hashes of a key in each form in which it may be searched."""
    hashes = [_hash(name, value)]
    if company and name in _SHARED:
        hashes.append(_hash(name, value, company))
    # Only addresses are searched without case.
    if name == "email":
        hashes.append(_hash(_FOLDED, name, folded(name, value)))
    return hashes


def _hash(*parts: str) -> int:
    # The hash of a text is different in each process, but these hashes stay in this process.
    return hash("\0".join(parts)) & _MASK
