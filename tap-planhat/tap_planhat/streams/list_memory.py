"""Keeps in the state what earlier runs showed of the lists of a stream, so that later runs need fewer calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from planhat_api.lists.known_list import KnownList
from planhat_api.values.dates import today

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.lists.known_list import ListRead

__all__ = ["ListMemory"]

_LISTS, _PASSES = "lists", "passes"
_ROWS, _LOWEST, _PAGE, _PROVED = "rows", "lowest_id", "rows_per_page", "end_proved_on"
_WHOLE = "read_whole"
_OF_SOURCE = ("base_url", "token")


class ListMemory:
    """What earlier runs showed of the lists of one stream.

    Args:
        state: The state of the stream; changed in place.
        source: Where the rows come from; see ``tap_planhat.streams.source``. Another token may see other rows.
        full_read_days: After so many days, a call proves the end of a list again.
    """

    def __init__(self, state: dict[str, Any], source: Mapping[str, str], full_read_days: int) -> None:
        """Read the state."""
        self._state = state
        self._source = {name: source[name] for name in _OF_SOURCE}
        self._full_read_days = full_read_days

    def known(self, parameters: Mapping[str, str], *, is_proof: bool) -> KnownList | None:
        """What is known of the list with these parameters; None for nothing.

        Args:
            parameters: The parameters of the list.
            is_proof: Whether a call has to prove the end of the list in any case.
        """
        found = self._passes().get(_key(parameters))
        if not isinstance(found, dict):
            return None
        rows, lowest, proved = found.get(_ROWS), found.get(_LOWEST), found.get(_PROVED)
        if not isinstance(rows, int) or not isinstance(proved, int) or not isinstance(lowest, (str, type(None))):
            return None
        is_recent = 0 <= today() - proved < self._full_read_days
        page = found.get(_PAGE)
        page_rows = page if isinstance(page, int) and page > 0 else None
        return KnownList(rows, lowest, page_rows, trusted=is_recent and not is_proof)

    def is_read_whole(self, parameters: Mapping[str, str]) -> bool:
        """Whether an earlier run found out that the list cannot be read newest first."""
        found = self._passes().get(_key(parameters))
        return isinstance(found, dict) and found.get(_WHOLE) is True

    def note(self, parameters: Mapping[str, str], read: ListRead, *, read_whole: bool = False) -> None:
        """Note what a read showed of the list with these parameters, once all its rows are written.

        Args:
            parameters: The parameters of the list.
            read: What the read showed.
            read_whole: Whether it showed that the list cannot be read newest first.
        """
        if read.rows is None:
            return
        passes = self._passes()
        before = passes.get(_key(parameters))
        proved = today() if read.proved or not isinstance(before, dict) else before.get(_PROVED)
        entry: dict[str, Any] = {_ROWS: read.rows, _LOWEST: read.lowest, _PAGE: read.page_rows, _PROVED: proved}
        if read_whole:
            entry[_WHOLE] = True
        self._state[_LISTS] = {**self._source, _PASSES: {**passes, _key(parameters): entry}}

    def _passes(self) -> dict[str, Any]:
        lists = self._state.get(_LISTS)
        if not isinstance(lists, dict) or any(lists.get(name) != value for name, value in self._source.items()):
            return {}
        passes = lists.get(_PASSES)
        return passes if isinstance(passes, dict) else {}


def _key(parameters: Mapping[str, str]) -> str:
    """The parameters as a text, because a state is JSON."""
    return json.dumps(dict(parameters), sort_keys=True)
