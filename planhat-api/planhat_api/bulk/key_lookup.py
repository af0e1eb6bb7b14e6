"""Looks up the existing keys of a model, if this needs fewer calls than it saves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.bulk.existing_keys import ExistingKeys, TooManyPagesError, parameters_of, rows_of
from planhat_api.errors import PlanhatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planhat_api.lists.page import Lists
    from planhat_api.models.registry import Model

__all__ = ["KeyLookup"]

_log = logging.getLogger("planhat_api")
_NEVER = float("inf")


class KeyLookup:
    """Looks up the keys of one model. A lookup ends if it needs too many calls."""

    def __init__(self, lists: Lists, model: Model) -> None:
        """Prepare to read."""
        self._lists = lists
        self._model = model
        self._fields = tuple(dict.fromkeys(("_id", *model.keyables, *filter(None, (model.company,)))))
        self._keys: ExistingKeys | None = None
        self._is_caught_up = False
        self._is_fresh = False
        self._too_few_calls: float = 0

    def invalidate(self) -> None:
        """Note that new rows will be sent."""
        self._is_caught_up = self._is_fresh = False

    def lookups(self, most_calls: float, *, old: bool = True) -> Iterator[ExistingKeys]:
        """The keys of the model, after each of up to three lookups.

        Args:
            most_calls: Number of calls that a lookup may need at most.
            old: Whether to begin with keys that were read before the last new rows were sent.

        Yields:
            The keys that are known; these keys with those of the newest rows, which needs one call; and all keys, read
            again.
        """
        if self._keys is not None and (old or self._is_caught_up or self._is_fresh):
            yield self._keys
        if self._keys is not None and self._can_catch_up and self._catch_up(self._keys):
            yield self._keys
        if (
            not self._is_fresh
            and most_calls > self._too_few_calls
            and self._read(most_calls)
            and self._keys is not None
        ):
            yield self._keys

    @property
    def _can_catch_up(self) -> bool:
        readable = self._too_few_calls < _NEVER and self._model.sortable
        return readable and not (self._is_caught_up or self._is_fresh)

    def _catch_up(self, keys: ExistingKeys) -> bool:
        """Read the newest rows until one is known. Return whether there are new rows."""
        found = False
        self._is_caught_up = True
        try:
            for parameters in parameters_of(self._model):
                pages = self._lists.pages(self._model, params=parameters, sort="-_id", select=self._fields)
                for page in pages:
                    new = [keys.add_row(row) for row in page.records()]
                    found = found or any(new)
                    if not all(new):
                        break
        except PlanhatError as error:
            self._fail(error)
        return found

    def _read(self, most_calls: float) -> bool:
        """Read all keys. Return whether it was possible."""
        rows = rows_of(self._lists, self._model, self._fields, most_pages=int(most_calls))
        try:
            self._keys = ExistingKeys(rows, self._model, self._model.keyables)
        except TooManyPagesError:
            self._too_few_calls = most_calls
        except PlanhatError as error:
            self._fail(error)
        else:
            self._is_caught_up = self._is_fresh = True
        return self._is_fresh

    def _fail(self, error: PlanhatError) -> None:
        """Never request the list again after an error."""
        _log.info("The keys of %s cannot be looked up: %s", self._model.path, error)
        self._too_few_calls = _NEVER
