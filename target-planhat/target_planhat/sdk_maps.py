"""Checks the expressions of stream maps. A record on which an expression fails is rejected.

The SDK creates the maps. This module, `sdk_hooks` and `sdk_bypass` use more of the SDK than its public hooks. A test
compares the names used here with the installed SDK.
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
"""Errors that the SDK raises for wrong stream maps. Names of streams are expressions, too."""


class CheckedMap(CustomStreamMap):
    """A stream map that rejects records on which an expression fails. It reports the records that it leaves out."""

    expressions: Expressions
    reject: Callable[[StreamMap, str], None]
    leave_out: Callable[[], None]

    def transform(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The mapped record; None if the map leaves the record out or fails."""
        try:
            made = self.made_of(record)
        except ExpressionError as err:
            self.reject(self, f"{STREAM_MAPS}: {err}")
            return None
        if made is None:
            self.leave_out()
        return made

    def made_of(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The mapped record; None if the map leaves the record out, which is not reported here.

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
    """Creates stream maps whose expressions are checked before the first record."""

    def __init__(
        self,
        plugin_config: dict[str, Any],
        logger: logging.Logger,
        reject: Callable[[StreamMap, str], None],
        leave_out: Callable[[], None],
    ) -> None:
        """Check the parts of the maps that need no schema.

        Args:
            plugin_config: All settings.
            logger: Logger of the target.
            reject: Rejects the current record, because a map fails on it. It gets the map and the reason.
            leave_out: Called each time a map leaves out the current record.

        Raises:
            SettingsError: The maps cannot work.
            ConfigurationError: An expression in them can never work.
        """
        with _as_settings_error():
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
        """Create the maps of a stream.

        Raises:
            SettingsError: They cannot work.
            ConfigurationError: An expression in them can never work.
        """
        columns = Columns.of(schema)
        check_stream(stream_name, columns, self.stream_maps_dict, self._evaluator)
        with _as_settings_error(stream_name):
            super().register_raw_stream_schema(stream_name, schema, key_properties)
            if not all(isinstance(made.stream_alias, str) for made in self.stream_maps[stream_name]):
                msg = "__alias__ gives no text"
                raise StreamMapConfigError(msg)
        for made in self.stream_maps[stream_name]:
            if isinstance(made, CustomStreamMap):
                # The SDK creates the maps itself and has no option for another class.
                made.__class__ = CheckedMap
                checked = cast("CheckedMap", made)
                checked.expressions = Expressions(made.stream_alias, stream_name, columns.names)
                checked.reject = self._reject
                checked.leave_out = self._leave_out
                _remove_guessed_types(made, columns.names)
        flatten_by_columns(self.stream_maps[stream_name])


def _remove_guessed_types(made: CustomStreamMap, given: Collection[str]) -> None:
    """Remove the type of new columns that an expression makes: the SDK declares them as text in any case.

    Args:
        made: The map of a stream.
        given: Columns that the stream had before the map.
    """
    declared = made.transformed_schema["properties"]
    guess = StringType().to_dict()
    kept = {name: {} if name not in given and _is(schema, guess) else schema for name, schema in declared.items()}
    made.transformed_schema = {**made.transformed_schema, "properties": kept}


def _is(schema: Mapping[str, Any], guess: Mapping[str, Any]) -> bool:
    """Whether a column has this type, apart from null."""
    return set(schema) == {"type"} and set(schema["type"]) - {"null"} == set(guess["type"])


@contextmanager
def _as_settings_error(stream: str | None = None) -> Iterator[None]:
    """Turn the SDK's errors about stream maps into a SettingsError."""
    try:
        yield
    except _MAP_ERRORS as err:
        where = f"stream {stream!r}: " if stream else ""
        msg = f"{STREAM_MAPS}: {where}{err}"
        raise SettingsError(msg) from None
