"""Evaluates an expression on one record: absent columns are null, and a failure is told in words."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.plugin.expressions.faults import reason_of
from planhat_api.plugin.expressions.location import FILTER, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ExpressionError", "Expressions"]


class ExpressionError(Exception):
    """An expression that fails on one record. The text names no value of the record."""


class _Record(dict[str, Any]):
    """A record that answers null for a column it lacks, though the column is not in it."""

    __slots__ = ("columns",)
    columns: frozenset[str]

    def __missing__(self, name: str) -> None:
        if name not in self.columns:
            raise KeyError(name)

    def copy(self) -> _Record:
        """The same once more, with the same answers."""
        return _with_nulls(self, self.columns)


def _with_nulls(record: Mapping[str, Any], columns: frozenset[str]) -> _Record:
    known = _Record(record)
    known.columns = columns
    return known


class Expressions:
    """The expressions of one stream map.

    Args:
        stream: The stream the map makes.
        source: The stream its records come from.
        columns: The columns that the schema of that one declares.
    """

    def __init__(self, stream: str, source: str, columns: frozenset[str]) -> None:
        """Note where they stand, and which names are null when a record lacks them."""
        self._stream = stream
        self._source = source
        self._columns = columns
        self._with_self = columns | {"self"}

    def value(
        self,
        evaluate: Callable[[dict[str, Any]], object],
        record: Mapping[str, Any],
        text: str,
        prop: str | None,
    ) -> Any:  # noqa: ANN401 -- any JSON value
        """What an expression gives for a record, as JSON knows it: a date becomes a text.

        Args:
            evaluate: Evaluates it, with a record in which to look up the names it uses.
            record: The record.
            text: The expression.
            prop: The property it makes; None for the one that says which records to keep.

        Raises:
            ExpressionError: It fails on this record, or gives what is no value.
        """
        known = _with_nulls(record, self._with_self if prop in self._columns else self._columns)
        try:
            value = evaluate(known)
            return value if prop is None else _as_json(value)
        except _NoValueError as err:
            reason = str(err)
        except Exception as err:  # noqa: BLE001 -- an expression raises whatever the functions it calls raise
            # Not the cause: the texts of what expressions call quote the record.
            reason = reason_of(err, text, _names(known, prop))
        location = Location(self._stream, self._source, prop or FILTER, text)
        raise ExpressionError(location.told(reason))


def _names(record: _Record, prop: str | None) -> dict[str, Any]:
    """What the names in an expression stand for, but for those that hold nothing of the record."""
    columns = {**dict.fromkeys(record.columns), **record}
    return {**columns, "self": columns.get(prop or FILTER), "_": record, "record": record}


class _NoValueError(Exception):
    """What an expression gives is no JSON."""


def _as_json(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        msg = "it gives a number that JSON does not know"
        raise _NoValueError(msg)
    try:
        return msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)
    except TypeError:
        hint = "; is () missing behind it?" if callable(value) else ""
        msg = f"it gives what no column can hold ({type(value).__name__}){hint}"
        raise _NoValueError(msg) from None
