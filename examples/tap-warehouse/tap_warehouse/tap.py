"""A Singer tap whose streams are named SQL queries on a DuckDB file."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import duckdb
from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigValidationError

from tap_warehouse.types import schema_of

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.helpers.types import Context

ROWS_AT_A_TIME = 10_000


class QueryStream(Stream):
    """One named query."""

    def __init__(self, tap: Tap, name: str, sql: str, key: list[str], columns: Mapping[str, str]) -> None:
        """Takes the columns and their DuckDB types as the query announces them."""
        self.sql = sql
        self.json_columns = [column for column, type_name in columns.items() if type_name == "JSON"]
        schema = {"type": "object", "properties": {column: schema_of(kind) for column, kind in columns.items()}}
        super().__init__(tap, name=name, schema=schema)
        self.primary_keys = key

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        with duckdb.connect(self.config["path"], read_only=True) as warehouse:
            result = warehouse.execute(self.sql)
            columns = [column[0] for column in result.description or ()]
            while rows := result.fetchmany(ROWS_AT_A_TIME):
                for row in rows:
                    yield self._decode(dict(zip(columns, row, strict=True)))

    def _decode(self, record: dict[str, Any]) -> dict[str, Any]:
        for column in self.json_columns:
            if record[column] is not None:
                record[column] = json.loads(record[column])
        return record


class TapWarehouse(Tap):
    """Reads named queries from a DuckDB file."""

    name = "tap-warehouse"
    dynamic_catalog = True
    config_jsonschema = th.PropertiesList(
        th.Property("path", th.StringType, required=True, title="Path", description="The DuckDB file."),
        th.Property(
            "queries",
            th.ObjectType(
                additional_properties=th.ObjectType(
                    th.Property("sql", th.StringType, required=True, description="The query."),
                    th.Property("key", th.ArrayType(th.StringType), description="Columns that identify a row."),
                ),
            ),
            required=True,
            title="Queries",
            description="Stream name to its query.",
        ),
    ).to_dict()

    @override
    def discover_streams(self) -> list[QueryStream]:
        with _told_of("path"), duckdb.connect(self.config["path"], read_only=True) as warehouse:
            return [self._stream(warehouse, name, query) for name, query in self.config["queries"].items()]

    def _stream(self, warehouse: duckdb.DuckDBPyConnection, name: str, query: dict[str, Any]) -> QueryStream:
        with _told_of(f"queries: {name}"):
            described = warehouse.execute(f"describe {query['sql']}").fetchall()
        columns: dict[str, str] = {row[0]: row[1] for row in described}
        key = query.get("key", [])
        missing = [column for column in key if column not in columns]
        if missing:
            message = f"queries: {name} has no column {missing} for its key; it has {list(columns)}."
            raise ConfigValidationError(message, errors=[message])
        return QueryStream(self, name, query["sql"], key, columns)


@contextmanager
def _told_of(setting: str) -> Iterator[None]:
    """What DuckDB says of a file or a query, as an error of the setting it came from.

    Raises:
        ConfigValidationError: DuckDB raised an error.
    """
    try:
        yield
    except duckdb.Error as error:
        message = f"{setting}: {' '.join(str(error).split())}"
        raise ConfigValidationError(message, errors=[message]) from error


def main() -> None:
    """Run the command; a setting that cannot work ends it with one line instead of a trace."""
    try:
        sys.exit(TapWarehouse.cli(standalone_mode=False))
    except ConfigValidationError as error:
        sys.exit(f"tap-warehouse: {error}")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
