"""Knows the columns that taps and loaders add to a table, and which of them mark rows as deleted at the source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.booleans import boolean
from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from target_planhat.rows.values import Json

__all__ = ["HELPER_COLUMNS", "DeletionMarks", "is_added_by_loader", "is_deletion_time", "marks_in"]

HELPER_COLUMNS = frozenset({"_planhat_original"})
"""Columns this project's tap adds for people; they hold no field."""

# Singer and Stitch, dlt, Airbyte (`_ab_` from logs of changes), Fivetran.
_PREFIXES = ("_sdc_", "_dlt_", "_airbyte_", "_ab_", "_fivetran_")
_DELETION_TIME = "_sdc_deleted_at"
_MARK = re.compile(rb'"(_(?:sdc|dlt|airbyte|ab|fivetran)_[a-z0-9_]*deleted[a-z0-9_]*)"', re.IGNORECASE)


def is_added_by_loader(column: str) -> bool:
    """Whether a tap or a loader added this column; warehouses differ in the case of names."""
    return column.lower().startswith(_PREFIXES)


def is_deletion_time(column: str) -> bool:
    """Whether a column is the one in which Singer taps say when a row was deleted."""
    return column.lower() == _DELETION_TIME


def marks_in(raw: bytes) -> set[str]:
    """Columns in a text of JSON whose names say that they mark rows as deleted."""
    return {name.decode() for name in _MARK.findall(raw)}


def _says_deleted(value: Json) -> bool:
    """Whether a mark is set: anything but null, false, and what stands for false."""
    if value is None:
        return False
    try:
        return bool(boolean(value))
    except InvalidValueError:
        return bool(value)


class DeletionMarks:
    """The marks of one stream: those that are heeded, and those that somebody should be told of."""

    def __init__(
        self, column: str | None, *, heeds_time: bool, known: Collection[str], tell: Callable[[str], None]
    ) -> None:
        """Nothing was told yet.

        Args:
            column: Column whose mark is heeded, as the settings ask for.
            heeds_time: Whether `_sdc_deleted_at` is heeded.
            known: Columns the settings speak of: nobody needs to be told of those.
            tell: Told once of each column with a mark that is set and not heeded.
        """
        self._column = column
        self._heeds_time = heeds_time
        self._told = {name.lower() for name in known}
        self._tell = tell

    def is_deleted(self, record: Mapping[str, Any], raw: bytes) -> bool:
        """Whether the source says that the row is gone.

        Args:
            record: The record; stream maps may have taken marks out.
            raw: The record as it came in, one JSON object.
        """
        deleted = self._column is not None and _says_deleted(record.get(self._column))
        names = marks_in(raw)
        if not names:
            return deleted
        given = record if names <= record.keys() else {**msgspec.json.decode(raw), **record}
        for name in names:
            if _says_deleted(given.get(name)):
                deleted = self._look(name) or deleted
        return deleted

    def _look(self, column: str) -> bool:
        """Whether a mark that is set is heeded; if it is not, that is told."""
        if column == self._column or (self._heeds_time and is_deletion_time(column)):
            return True
        if column.lower() not in self._told:
            self._told.add(column.lower())
            self._tell(column)
        return False

    def kind(self, column: str) -> Kind | None:
        """Looks at the values of a column many at a time, and refuses a mark that is heeded; None for no mark."""
        if column != self._column and not _MARK.fullmatch(f'"{column}"'.encode()):
            return None

        def convert(value: Json) -> Json:
            if _says_deleted(value) and self._look(column):
                msg = "marked as deleted"
                raise InvalidValueError(msg)
            return value

        return Kind("mark of deletion", Any, convert, frozenset(), keeps=_is_alive, keeps_all=_are_alive)


def _is_alive(value: Json) -> bool:
    return not _says_deleted(value)


def _are_alive(values: Sequence[Json]) -> bool:
    return not any(map(_says_deleted, values))
