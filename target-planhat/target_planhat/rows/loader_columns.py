"""Recognizes columns that taps and loaders add to a table, such as marks of deleted rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.booleans import boolean
from planhat_api.values.field_type import FieldType
from planhat_api.values.invalid import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from target_planhat.rows.values import Json

__all__ = ["HELPER_COLUMNS", "DeletionMarks", "is_added_by_loader", "is_deletion_time", "marks_in"]

HELPER_COLUMNS = frozenset({"_planhat_original"})
"""Columns that the tap of this project adds for information. They belong to no field."""

# Singer and Stitch, dlt, Airbyte (`_ab_` for change data capture), Fivetran.
_PREFIXES = ("_sdc_", "_dlt_", "_airbyte_", "_ab_", "_fivetran_")
_DELETION_TIME = "_sdc_deleted_at"
_MARK = re.compile(rb'"(_(?:sdc|dlt|airbyte|ab|fivetran)_[a-z0-9_]*deleted[a-z0-9_]*)"', re.IGNORECASE)


def is_added_by_loader(column: str) -> bool:
    """Whether a tap or a loader added this column. Warehouses change the case of names."""
    return column.lower().startswith(_PREFIXES)


def is_deletion_time(column: str) -> bool:
    """Whether this is the column for the time at which a row was deleted, as Singer taps name it."""
    return column.lower() == _DELETION_TIME


def marks_in(raw: bytes) -> set[str]:
    """Columns in a JSON text whose names show that they mark rows as deleted."""
    return {name.decode() for name in _MARK.findall(raw)}


def _says_deleted(value: Json) -> bool:
    """Whether a mark is set: each value except null, false, and values that mean false."""
    if value is None:
        return False
    try:
        return bool(boolean(value))
    except InvalidValueError:
        return bool(value)


class DeletionMarks:
    """Recognizes deleted rows of one stream by their marks. Marks that are not used are logged."""

    def __init__(
        self, column: str | None, *, uses_deletion_time: bool, known: Collection[str], log: Callable[[str], None]
    ) -> None:
        """Start without logged marks.

        Args:
            column: Column that marks deleted rows according to the settings.
            uses_deletion_time: Whether `_sdc_deleted_at` marks deleted rows.
            known: Columns in the settings, which are not logged.
            log: Logs a column with a mark that is set and not used. It is called once for each column.
        """
        self._column = column
        self._uses_deletion_time = uses_deletion_time
        self._logged = {name.lower() for name in known}
        self._log = log

    def is_deleted(self, record: Mapping[str, Any], raw: bytes) -> bool:
        """Whether a record is marked as deleted.

        Args:
            record: The record. Stream maps may have removed marks.
            raw: The record as it was read, one JSON object.
        """
        deleted = self._column is not None and _says_deleted(record.get(self._column))
        names = marks_in(raw)
        if not names:
            return deleted
        given = record if names <= record.keys() else {**msgspec.json.decode(raw), **record}
        for name in names:
            if _says_deleted(given.get(name)):
                deleted = self._is_used(name) or deleted
        return deleted

    def _is_used(self, column: str) -> bool:
        """Whether a mark that is set is used. If it is not, it is logged."""
        if column == self._column or (self._uses_deletion_time and is_deletion_time(column)):
            return True
        if column.lower() not in self._logged:
            self._logged.add(column.lower())
            self._log(column)
        return False

    def field_type(self, column: str) -> FieldType | None:
        """A type for the column of a mark, whose `convert` fails for deleted rows; None if the column is not a mark."""
        if column != self._column and not _MARK.fullmatch(f'"{column}"'.encode()):
            return None

        def convert(value: Json) -> Json:
            if _says_deleted(value) and self._is_used(column):
                msg = "marked as deleted"
                raise InvalidValueError(msg)
            return value

        return FieldType("mark of deletion", Any, convert, frozenset(), keeps=_is_alive, keeps_all=_are_alive)


def _is_alive(value: Json) -> bool:
    return not _says_deleted(value)


def _are_alive(values: Sequence[Json]) -> bool:
    return not any(map(_says_deleted, values))
