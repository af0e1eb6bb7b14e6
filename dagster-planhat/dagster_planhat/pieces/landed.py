"""Counts the rows that arrived in a warehouse, whatever the loader made of the names of tables and columns."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dagster_planhat.pieces.windows import Days

__all__ = ["rows_of_days", "rows_of_stream", "warehouse"]


@contextmanager
def warehouse(url: str) -> Iterator[sa.Connection]:
    """A connection to a warehouse, closed at the end of the block.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: It cannot be reached.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def rows_of_stream(connection: sa.Connection, schema: str | None, stream: str) -> int:
    """Rows in the table of a stream; 0 if there is none."""
    table = _table(connection, schema, stream)
    if table is None:
        return 0
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def rows_of_days(
    connection: sa.Connection, schema: str | None, stream: str, dimensions: Collection[str], days: Days
) -> int:
    """Rows of some dimensions and days, in UTC, in the table of dimension data; 0 if there is none.

    Raises:
        LookupError: The table has no column for the dimension or the time.
    """
    table = _table(connection, schema, stream)
    if table is None:
        return 0
    dimension, time = _column(table, "dimensionId"), _column(table, "time")
    wanted = sa.select(sa.func.count()).where(
        dimension.in_(list(dimensions)),
        time >= _moment(days.first, time.type),
        time < _moment(days.last + timedelta(days=1), time.type),
    )
    return connection.execute(wanted).scalar_one()


def _moment(day: date, kind: sa.types.TypeEngine[object]) -> object:
    """The beginning of a day as a value to compare a column with."""
    if isinstance(kind, sa.DateTime):
        return datetime(day.year, day.month, day.day, tzinfo=timezone.utc if kind.timezone else None)
    # In a text, the day stands first: 2024-01-31T00:00:00.000Z.
    return day if isinstance(kind, sa.Date) else day.isoformat()


def _table(connection: sa.Connection, schema: str | None, stream: str) -> sa.Table | None:
    inspector = sa.inspect(connection)
    named = [name for name in inspector.get_table_names(schema) if _plain(name) == _plain(stream)]
    if not named:
        return None
    return sa.Table(named[0], sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)


def _column(table: sa.Table, name: str) -> sa.Column[object]:
    found = next((column for column in table.columns if _plain(column.name) == _plain(name)), None)
    if found is None:
        message = f"the table {table.fullname} has no column for {name}"
        raise LookupError(message)
    return found


def _plain(name: str) -> str:
    """A name without what loaders change: capitals and underscores."""
    return name.replace("_", "").lower()
