"""Checks the expressions of stream maps before the first record.

The SDK makes the maps. This module and ``page_stream`` are the two that use more of the SDK than its public hooks.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.exceptions import MapExpressionError, StreamMapConfigError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.mapper import CustomStreamMap, PluginMapper

from planhat_api.errors import ConfigurationError
from planhat_api.plugin.expressions import (
    STREAM_MAPS,
    Columns,
    Evaluator,
    ExpressionError,
    Expressions,
    check_maps,
    check_stream,
    unused_maps,
)
from planhat_api.plugin.flattening import flatten_by_columns
from planhat_api.plugin.name_suggestions import closest_name
from tap_planhat.records.schemas import KEY

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    import ast
    import logging
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import Catalog

_MAP_ERRORS = (MapExpressionError, StreamMapConfigError, NotImplementedError, TypeError, ValueError, ArithmeticError)


class CheckedMap(CustomStreamMap):
    """A stream map that names the record on which one of its expressions fails."""

    expressions: Expressions

    @override
    def _eval(self, expr: str, expr_parsed: ast.Expr, record: Record, property_name: str | None) -> Any:
        evaluate = super()._eval
        try:
            return self.expressions.value(
                lambda known: evaluate(expr, expr_parsed, known, property_name), record, expr, property_name
            )
        except ExpressionError as err:
            raise ConfigurationError(STREAM_MAPS, f"{err} (record with {KEY} {record.get(KEY)!r})") from None


class CheckedMapper(PluginMapper):
    """Stream maps whose expressions are checked first, and whose errors name the expression."""

    def __init__(self, plugin_config: dict[str, Any], logger: logging.Logger) -> None:
        """Check what can be checked without a catalog.

        Args:
            plugin_config: All settings.
            logger: Where warnings go.

        Raises:
            ConfigurationError: The maps cannot work.
        """
        with _as_configuration_error():
            super().__init__({name: value for name, value in plugin_config.items() if value is not None}, logger)
        made = CustomStreamMap("", {}, self.faker_config, {"properties": {}}, None, {}, None)
        constants = {"config": self.map_config, **({"fake": made.fake} if made.fake else {})}
        self._evaluator = Evaluator.of(made.expr_evaluator, constants)
        check_maps(self.stream_maps_dict, self._evaluator)

    @override
    def register_raw_streams_from_catalog(self, catalog: Catalog) -> None:
        """Make the maps of all streams. A stream that is not selected keeps all its columns, since it is not read.

        Raises:
            ConfigurationError: The maps cannot work.
        """
        self._warn_of_unknown_streams([entry.stream or entry.tap_stream_id for entry in catalog.streams])
        for entry in catalog.streams:
            stream, schema = entry.stream or entry.tap_stream_id, entry.schema.to_dict()
            mask, columns = entry.metadata.resolve_selection(), Columns.of(schema)
            if mask[()]:
                schema = get_selected_schema(stream, schema, mask)
                columns = Columns.of(schema, left_out=columns.names - Columns.of(schema).names)
                check_stream(stream, columns, self.stream_maps_dict, self._evaluator)
            with _as_configuration_error(stream):
                self.register_raw_stream_schema(stream, schema, entry.key_properties)
                if not all(isinstance(made.stream_alias, str) for made in self.stream_maps[stream]):
                    msg = "__alias__ gives no text"
                    raise StreamMapConfigError(msg)
            for made in self.stream_maps[stream]:
                if isinstance(made, CustomStreamMap):
                    # The SDK makes the maps itself, and offers no way to give it another class.
                    made.__class__ = CheckedMap
                    cast("CheckedMap", made).expressions = Expressions(made.stream_alias, stream, columns.names)
            flatten_by_columns(self.stream_maps[stream])

    def _warn_of_unknown_streams(self, streams: list[str]) -> None:
        """Warn of maps for streams that do not exist: without a warning nobody sees that they do nothing."""
        for name in unused_maps(self.stream_maps_dict, streams):
            near = closest_name(name, streams)
            hint = f" Did you mean {near!r}?" if near else ""
            self.logger.warning("%s: there is no stream %r.%s", STREAM_MAPS, name, hint)


@contextmanager
def _as_configuration_error(stream: str | None = None) -> Iterator[None]:
    """Turn the SDK's errors about stream maps into a configuration error."""
    try:
        yield
    except _MAP_ERRORS as err:
        where = f"stream {stream!r}: " if stream else ""
        raise ConfigurationError(STREAM_MAPS, f"{where}{err}") from None
