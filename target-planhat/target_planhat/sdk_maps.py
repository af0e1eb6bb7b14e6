"""Stream maps whose expressions are checked before the first record, and whose failures reject a record.

The SDK makes the maps; this module and `sdk_hooks` are the two that reach into it beyond its public hooks. A test holds
the names used here against the installed SDK.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.exceptions import MapExpressionError, StreamMapConfigError
from singer_sdk.mapper import CustomStreamMap, PluginMapper
from singer_sdk.typing import StringType

from planhat_api.plugin.expressions import (
    STREAM_MAPS,
    Columns,
    Evaluator,
    ExpressionError,
    Expressions,
    check_maps,
    check_stream,
)
from planhat_api.plugin.flattening import flatten_by_columns
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    import ast
    import logging
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from singer_sdk.mapper import StreamMap

    from target_planhat.rows.values import Json

__all__ = ["CheckedMap", "CheckedMapper"]

_MAP_ERRORS = (MapExpressionError, StreamMapConfigError, NotImplementedError, TypeError, ValueError, ArithmeticError)
"""What the SDK raises when it makes stream maps that cannot work; names of streams are expressions as well."""


class CheckedMap(CustomStreamMap):
    """A stream map that rejects the records on which one of its expressions fails, and tells of those it leaves out."""

    expressions: Expressions
    reject: Callable[[StreamMap, str], None]
    leave_out: Callable[[], None]

    def transform(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The record as the map makes it; None if it leaves the record out or cannot make it."""
        try:
            made = self.made_of(record)
        except ExpressionError as err:
            self.reject(self, f"{STREAM_MAPS}: {err}")
            return None
        if made is None:
            self.leave_out()
        return made

    def made_of(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The record as the map makes it; None if it leaves the record out, of which nobody is told here.

        Raises:
            ExpressionError: An expression fails on the record.
        """
        return super().transform(record)

    def _eval(self, expr: str, expr_parsed: ast.Expr, record: dict[str, Any], property_name: str | None) -> Json:
        evaluate = super()._eval
        return self.expressions.value(
            lambda known: evaluate(expr, expr_parsed, known, property_name), record, expr, property_name
        )


class CheckedMapper(PluginMapper):
    """Stream maps whose expressions are checked before the first record, and say why they fail on one."""

    def __init__(
        self,
        plugin_config: dict[str, Any],
        logger: logging.Logger,
        reject: Callable[[StreamMap, str], None],
        leave_out: Callable[[], None],
    ) -> None:
        """Check what needs no schema.

        Args:
            plugin_config: All settings.
            logger: Where people read.
            reject: Rejects the record at hand, out of which a map makes none, for a reason.
            leave_out: Told each time that a map leaves out the record at hand.

        Raises:
            SettingsError: The maps cannot work.
            ConfigurationError: An expression in them can never work.
        """
        with _told():
            super().__init__({name: value for name, value in plugin_config.items() if value is not None}, logger)
        self._reject = reject
        self._leave_out = leave_out
        made = CustomStreamMap("", {}, self.faker_config, {"properties": {}}, None, {}, None)
        constants = {"config": self.map_config, **({"fake": made.fake} if made.fake else {})}
        self._evaluator = Evaluator.of(made.expr_evaluator, constants)
        check_maps(self.stream_maps_dict, self._evaluator)

    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Make the maps of a stream.

        Raises:
            SettingsError: They cannot work.
            ConfigurationError: An expression in them can never work.
        """
        columns = Columns.of(schema)
        check_stream(stream_name, columns, self.stream_maps_dict, self._evaluator)
        with _told(stream_name):
            super().register_raw_stream_schema(stream_name, schema, key_properties)
            if not all(isinstance(made.stream_alias, str) for made in self.stream_maps[stream_name]):
                msg = "__alias__ gives no text"
                raise StreamMapConfigError(msg)
        for made in self.stream_maps[stream_name]:
            if isinstance(made, CustomStreamMap):
                # The SDK makes the maps itself and takes no other class for them.
                made.__class__ = CheckedMap
                checked = cast("CheckedMap", made)
                checked.expressions = Expressions(made.stream_alias, stream_name, columns.names)
                checked.reject = self._reject
                checked.leave_out = self._leave_out
                _forget_guesses(made, columns.names)
        flatten_by_columns(self.stream_maps[stream_name])


def _forget_guesses(made: CustomStreamMap, given: Collection[str]) -> None:
    """Declare nothing of a new column that an expression makes: the SDK takes it for text whatever comes out.

    Args:
        made: The map of a stream.
        given: Columns that the stream had before.
    """
    declared = made.transformed_schema["properties"]
    guess = StringType().to_dict()
    kept = {name: {} if name not in given and _is(schema, guess) else schema for name, schema in declared.items()}
    made.transformed_schema = {**made.transformed_schema, "properties": kept}


def _is(schema: Mapping[str, Any], guess: Mapping[str, Any]) -> bool:
    """Whether a column is declared as this, null aside."""
    return set(schema) == {"type"} and set(schema["type"]) - {"null"} == set(guess["type"])


@contextmanager
def _told(stream: str | None = None) -> Iterator[None]:
    """Tell what the SDK finds wrong with stream maps as a fault of the settings."""
    try:
        yield
    except _MAP_ERRORS as err:
        where = f"stream {stream!r}: " if stream else ""
        msg = f"{STREAM_MAPS}: {where}{err}"
        raise SettingsError(msg) from None
