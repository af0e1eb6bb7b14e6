"""Looks up the keys that a model holds, where that costs fewer calls than it saves."""

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
    """The keys of one model. Nobody knows how many rows it holds, so a lookup ends when it becomes too expensive."""

    def __init__(self, lists: Lists, model: Model) -> None:
        """Read nothing yet."""
        self._lists = lists
        self._model = model
        self._fields = tuple(dict.fromkeys(("_id", *model.keyables, *filter(None, (model.company,)))))
        self._keys: ExistingKeys | None = None
        self._is_caught_up = False
        self._is_fresh = False
        self._too_few_calls: float = 0

    def outdate(self) -> None:
        """Note that rows are about to be sent for the first time."""
        self._is_caught_up = self._is_fresh = False

    def lookups(self, most_calls: float, *, old: bool = True) -> Iterator[ExistingKeys]:
        """What the model holds, as far as each further lookup tells.

        Args:
            most_calls: How many calls a lookup may cost.
            old: Whether to begin with what was read before the last rows were sent for the first time.

        Yields:
            What is known; that with the rows that came since, which costs a call; and all keys, read anew.
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
        """Read the newest rows, until one is known; whether there is any."""
        found = False
        self._is_caught_up = True
        try:
            for parameters in parameters_of(self._model):
                pages = self._lists.pages(self._model, params=parameters, sort="-_id", select=self._fields)
                for page in pages:
                    new = [keys.take(row) for row in page.records()]
                    found = found or any(new)
                    if not all(new):
                        break
        except PlanhatError as error:
            self._fail(error)
        return found

    def _read(self, most_calls: float) -> bool:
        """Read all keys; whether that could be done."""
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
        """A list that cannot be read is not asked for again."""
        _log.info("The keys of %s cannot be looked up: %s", self._model.path, error)
        self._too_few_calls = _NEVER
