"""Guesses which rows of a call Planhat did not store, and which rows it may store twice.

Hints decide in which order rows are sent again, and the reason of a rejection. The outcome of a row depends only on
Planhat's answers. So a lookup may be old or fail, and no outcome becomes wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from planhat_api.bulk.company_lookup import CompanyLookup
from planhat_api.bulk.existing_keys import UNIQUE_IN_COMPANY
from planhat_api.bulk.interpretation import IGNORED
from planhat_api.bulk.key_lookup import KeyLookup
from planhat_api.jsontext import decode
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.bulk.existing_keys import ExistingKeys
    from planhat_api.lists.companies import Companies
    from planhat_api.lists.page import Lists
    from planhat_api.models.registry import Model
    from planhat_api.row import Row

__all__ = ["Hints", "NoHints", "TenantHints"]


class Hints(Protocol):
    """Hints about the outcomes of rows. The methods return indices of the given rows."""

    def invalidate(self) -> None:
        """Note that new rows will be sent, so that earlier lookups are less reliable."""

    def without_company(self, rows: Sequence[Row]) -> list[int]:
        """Rows for which Planhat finds no company, so that it never inserts them."""

    def with_doubtful_key(self, rows: Sequence[Row], expected: int, most_calls: float) -> list[int]:
        """Rows whose key no row or several rows in Planhat have; if possible as many as expected."""

    def inserted_each_time(self, rows: Sequence[Row], most_calls: float) -> list[int]:
        """Rows that Planhat may insert each time they are sent (B61, B62), unless a lookup excludes it."""

    def why_ignored(self, row: Row) -> str:
        """Why Planhat may have ignored a row without an error."""


class NoHints:
    """Hints without lookups."""

    def invalidate(self) -> None:
        """Do nothing."""

    def without_company(self, rows: Sequence[Row]) -> list[int]:
        """No rows."""
        del rows
        return []

    def with_doubtful_key(self, rows: Sequence[Row], expected: int, most_calls: float) -> list[int]:
        """No rows."""
        del rows, expected, most_calls
        return []

    def inserted_each_time(self, rows: Sequence[Row], most_calls: float) -> list[int]:
        """Rows with an ``_id``, which may match no record."""
        del most_calls
        return [index for index, row in enumerate(rows) if "_id" in row.keys]

    def why_ignored(self, row: Row) -> str:
        """That the reason is not known."""
        del row
        return IGNORED


class TenantHints:
    """Hints from the companies and keys of the tenant, for the rows of one model."""

    def __init__(self, lists: Lists, model: Model, companies: Companies) -> None:
        """Prepare to read.

        Args:
            lists: Reads the rows of the model.
            model: The model of the rows.
            companies: The companies of the tenant.
        """
        self._model = model
        self._tenant = companies
        self._companies = CompanyLookup(companies, model)
        self._keys = KeyLookup(lists, model)

    def invalidate(self) -> None:
        """Note that new rows will be sent."""
        self._companies.invalidate()
        self._keys.invalidate()

    def why_ignored(self, row: Row) -> str:
        """Why Planhat may have ignored a row without an error."""
        return self._companies.why_ignored(row) or IGNORED

    def without_company(self, rows: Sequence[Row]) -> list[int]:
        """Rows that name no existing company and have no address in the domain of one."""
        return sorted({*self._companies.without_known_domain(rows), *self._companies.naming_no_known_company(rows)})

    def with_doubtful_key(self, rows: Sequence[Row], expected: int, most_calls: float) -> list[int]:
        """Rows whose first key (B58) does not exist, or exists in several rows."""
        found: list[int] = []
        for keys in self._keys.lookups(most_calls):
            found = [index for index, row in enumerate(rows) if row.keys and self._rows_with_key_of(row, keys) != 1]
            if len(found) == expected:
                break
        return found

    def inserted_each_time(self, rows: Sequence[Row], most_calls: float) -> list[int]:
        """Rows with an ``_id`` that does not exist, or with a key of several rows."""
        doubtful = [index for index, row in enumerate(rows) if self._may_mean_none_or_several(row)]
        keys = next(self._keys.lookups(most_calls, old=False), None) if doubtful else None
        return [index for index in doubtful if keys is None or self._is_inserted_each_time(rows[index], keys)]

    def _first_key(self, row: Row) -> str | None:
        return next((name for name in self._model.keyables if name in row.keys), None)

    def _may_mean_none_or_several(self, row: Row) -> bool:
        """Whether the first key may not exist, or may not be unique."""
        name = self._first_key(row)
        if name in UNIQUE_IN_COMPANY:
            return self._model.path != "companies" and self._reference(row) is None
        return name == "_id" or (name == "email" and self._model.path == "endusers")

    def _is_inserted_each_time(self, row: Row, keys: ExistingKeys) -> bool:
        found = self._rows_with_key_of(row, keys)
        return found == 0 if self._first_key(row) == "_id" else found > 1

    def _rows_with_key_of(self, row: Row, keys: ExistingKeys) -> int:
        """Number of rows with the first key of a row, in its company or, without one, in all companies."""
        name = self._first_key(row)
        if name is None:
            return 0
        key = (name, row.keys[name])
        reference = self._reference(row) if name in {*UNIQUE_IN_COMPANY, "email"} else None
        company = reference and self._tenant.known(reference)
        in_company = keys.rows_with((*key, company)) if company else 0
        # An external id in another company is another key. An address may move to another company with its owner.
        return in_company or (0 if company and name in UNIQUE_IN_COMPANY else keys.rows_with(key))

    def _reference(self, row: Row) -> str | None:
        """The reference of a row to its company."""
        field = self._model.company
        return key_text(decode(row.body).get(field)) if field and not field.endswith("[]") else None
