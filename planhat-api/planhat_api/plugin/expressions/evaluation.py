"""Evaluates an expression on one record; missing columns are null."""

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
    """An expression fails on one record. The message contains no value of the record."""


class _Record(dict[str, Any]):
    """A record that returns null for a declared column that it does not contain."""

    __slots__ = ("columns",)
    columns: frozenset[str]

    def __missing__(self, name: str) -> None:
        if name not in self.columns:
            raise KeyError(name)

    def copy(self) -> _Record:
        """A copy with the same columns."""
        return _with_nulls(self, self.columns)


def _with_nulls(record: Mapping[str, Any], columns: frozenset[str]) -> _Record:
    known = _Record(record)
    known.columns = columns
    return known


class Expressions:
    """The expressions of one stream map.

    Args:
        stream: The stream that the map makes.
        source: The stream of the records.
        columns: The columns that the schema of that stream declares.
    """

    def __init__(self, stream: str, source: str, columns: frozenset[str]) -> None:
        """Take the streams, and the columns that are null if a record lacks them."""
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
        """The value of an expression for a record, as JSON: a date becomes a text.

        Args:
            evaluate: Evaluates the expression with a record that contains the names it uses.
            record: The record.
            text: The expression.
            prop: The property that it makes; None for the filter of records.

        Raises:
            ExpressionError: The expression fails on this record, or its value is not JSON.
        """
        known = _with_nulls(record, self._with_self if prop in self._columns else self._columns)
        try:
            value = evaluate(known)
            return value if prop is None else _as_json(value)
        except _NoValueError as err:
            reason = str(err)
        except Exception as err:  # noqa: BLE001 -- the functions in an expression can raise any error
            # Drop the cause, because the messages of these functions quote the record.
            reason = reason_of(err, text, _names(known, prop))
        location = Location(self._stream, self._source, prop or FILTER, text)
        raise ExpressionError(location.told(reason))


def _names(record: _Record, prop: str | None) -> dict[str, Any]:
    """The values of the names in an expression that depend on the record."""
    columns = {**dict.fromkeys(record.columns), **record}
    return {**columns, "self": columns.get(prop or FILTER), "_": record, "record": record}


class _NoValueError(Exception):
    """The value of an expression is not JSON."""


def _as_json(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        msg = "its value is a number that JSON does not have"
        raise _NoValueError(msg)
    try:
        made = msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)
    except TypeError:
        hint = "; is () missing after it?" if callable(value) else ""
        msg = f"no column can hold its value ({type(value).__name__}){hint}"
        raise _NoValueError(msg) from None
    return _with_lists(made) if isinstance(made, dict | list | tuple) else made


def _with_lists(value: object) -> object:
    """The same value with lists in place of tuples.

    Raises:
        _NoValueError: It holds a number that JSON does not have. Whoever writes it would make a null of that.
    """
    if isinstance(value, float) and not math.isfinite(value):
        msg = "its value holds a number that JSON does not have"
        raise _NoValueError(msg)
    if isinstance(value, dict):
        return {name: _with_lists(member) for name, member in value.items()}
    return [_with_lists(entry) for entry in value] if isinstance(value, list | tuple) else value
