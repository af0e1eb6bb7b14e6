"""Knows which keys a model holds, in eight bytes for each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from planhat_api.apart import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from planhat_api.page import Lists
    from planhat_api.registry import Model

__all__ = ["UNIQUE_IN_COMPANY", "HeldKeys", "company_in", "rows_of"]

UNIQUE_IN_COMPANY = frozenset({"externalId", "extId"})
"""Keys that are unique within one company only, but for companies themselves (B62)."""


def rows_of(
    lists: Lists, model: Model, fields: tuple[str, ...], company: str | None = None
) -> Iterator[dict[str, Any]]:
    """Every row of a model, hidden ones too, with these fields at least (a server may ignore ``select``, B35).

    Args:
        lists: Reads the rows.
        model: Their model.
        fields: Fields that are needed.
        company: ``_id`` of the one company whose rows are wanted; where the list cannot tell, others come too (B38).
    """
    narrowed = {"companyId": company} if company and "companyId" in model.parameters else {}
    for parameters in model.passes:
        own = {name: value for name, value in parameters.items() if value != "*"} | narrowed
        for page in lists.pages(model, params=own, select=fields):
            yield from page.records()


def company_in(row: Mapping[str, Any], model: Model) -> str | None:
    """``_id`` of the company a row that was read belongs to; it may come as an object (B36)."""
    value = row.get(model.company or "")
    if isinstance(value, dict):
        value = value.get("_id") or value.get("id")
    return str(value) if value else None


class HeldKeys:
    """The keys of one model.

    A key that is unique within one company only (B62) is held twice: with its company, and alone.
    Two keys share a hash once in many billions of lookups; such a row would be taken for one that is held.
    """

    def __init__(self, rows: Iterable[dict[str, Any]], model: Model, keyables: tuple[str, ...]) -> None:
        """Take in the keys of rows that were read.

        Args:
            rows: All rows of the model, with their keys and their company.
            model: Their model.
            keyables: The keys to hold.
        """
        hashes = array("Q")
        for row in rows:
            company = company_in(row, model)
            for name in keyables:
                if row.get(name):
                    hashes.extend(_hashes(name, str(row[name]), company if name in UNIQUE_IN_COMPANY else None))
        self._hashes = array("Q", sorted(hashes))
        self._added: set[int] = set()

    def __contains__(self, key: tuple[str, ...]) -> bool:
        """Whether a row has this key: its name, its value and, where that matters, the ``_id`` of its company."""
        return self._holds(_hash(*key))

    def holds_in_any_case(self, name: str, value: str) -> bool:
        """Whether a row has this key, or one that Planhat may take for the same (Q21)."""
        if name == "email":
            return self._holds(_hash(_FOLDED, name, folded(name, value)))
        return (name, value) in self

    def _holds(self, wanted: int) -> bool:
        place = bisect_left(self._hashes, wanted)
        return wanted in self._added or (place < len(self._hashes) and self._hashes[place] == wanted)

    def add(self, key: tuple[str, ...]) -> None:
        """Note the key of a row that was stored since: its name, its value and, where that matters, its company."""
        name, value, *company = key
        self._added.update(_hashes(name, value, company[0] if company else None))


_FOLDED = "in any case"


def _hashes(name: str, value: str, company: str | None) -> list[int]:
    """The hash of a key in each form it may be asked for."""
    hashes = [_hash(name, value)]
    if company:
        hashes.append(_hash(name, value, company))
    # Only the form of an address depends on its case; other keys are found by their own hash.
    if name == "email":
        hashes.append(_hash(_FOLDED, name, folded(name, value)))
    return hashes


def _hash(*parts: str) -> int:
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest(), "big")
