"""Reads the keys a model holds, where that costs fewer calls than it saves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.errors import PlanhatError
from planhat_api.held_keys import HeldKeys, TooManyPagesError, rows_of
from planhat_api.outcome import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planhat_api.outcome import Outcome
    from planhat_api.page import Lists
    from planhat_api.registry import Model
    from planhat_api.row import Row

__all__ = ["KeyLook"]

_log = logging.getLogger("planhat_api")
_NEVER = float("inf")


class KeyLook:
    """The keys of one model. Nobody knows how many rows a model holds, so a look ends where it becomes too dear."""

    def __init__(self, lists: Lists, model: Model) -> None:
        """Read nothing yet."""
        self._lists = lists
        self._model = model
        self._keys: HeldKeys | None = None
        self._fresh = False
        self._dearer_than: float = 0

    def outdate(self) -> None:
        """Note that rows are about to be sent for the first time."""
        self._fresh = False

    def known(self) -> HeldKeys | None:
        """What an earlier look has found, with what was stored since."""
        return self._keys

    def fresh(self, most_calls: float) -> HeldKeys | None:
        """What the model holds since the last rows were sent for the first time.

        Args:
            most_calls: What the look may cost.

        Returns:
            What an earlier look has found, if anything, when a new one is too dear or the list cannot be read.
        """
        if not self._fresh and most_calls > self._dearer_than:
            self._read(most_calls)
        return self._keys

    def _read(self, most_calls: float) -> None:
        fields = tuple(dict.fromkeys(("_id", *self._model.keyables, *filter(None, (self._model.company,)))))
        rows = rows_of(self._lists, self._model, fields, most_pages=int(most_calls))
        try:
            self._keys = HeldKeys(rows, self._model, self._model.keyables)
        except TooManyPagesError:
            self._dearer_than = most_calls
        except PlanhatError as error:
            _log.info("The keys of %s cannot be looked at: %s", self._model.path, error)
            self._dearer_than = _NEVER
        else:
            self._fresh = True

    def stored(self, rows: Iterable[tuple[Row, Outcome]]) -> None:
        """Note rows that were sent, with what became of them."""
        if self._keys is None:
            return
        for row, outcome in rows:
            if outcome.fate.delivered:
                for key in row.keys.items():
                    self._keys.add(key, another=outcome.fate is Fate.CREATED)
