"""Compares what Planhat holds with what arrived in the warehouse, row by row on ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from planhat_api.models.registry import all_models

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from demo.tenant import Tenant
    from planhat_api.models.registry import Model

__all__ = ["Comparison", "compare"]

SCHEMA = "planhat"
STORED_AS = {"leancompanies": "companies"}


@dataclass(frozen=True)
class Comparison:
    """One stream.

    Attributes:
        stream: Its name.
        held: Rows Planhat holds.
        arrived: Rows in the warehouse.
        loaded: Those of them that the last run wrote.
        missing: Rows Planhat holds and the warehouse does not.
        repeated: Rows the warehouse holds once too often.
        unknown: Rows the warehouse holds and Planhat does not.
    """

    stream: str
    held: int
    arrived: int
    loaded: int
    missing: int
    repeated: int
    unknown: int

    @property
    def equal(self) -> bool:
        """Whether each row arrived exactly once, and no other."""
        return not (self.missing or self.repeated or self.unknown)


def compare(tenant: Tenant, warehouse: Path, since: datetime) -> list[Comparison]:
    """Every stream that the tap reads, in alphabetical order.

    That is every list but those that are a part of another one, which ``meltano.yml`` does not select.

    Args:
        tenant: Where to look what Planhat holds.
        warehouse: The DuckDB file.
        since: When the last run began, in local time.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        streams = [
            _comparison(model.stream, _held_ids(tenant, model), _arrived(connection, model.stream), since)
            for model in all_models().values()
            if "list" in model.operations and not model.constants
        ]
    return sorted(streams, key=lambda comparison: comparison.stream)


def _held_ids(tenant: Tenant, model: Model) -> list[str]:
    return [row["_id"] for row in tenant.rows(STORED_AS.get(model.path, model.path))]


def _arrived(connection: duckdb.DuckDBPyConnection, stream: str) -> list[tuple[str, datetime]]:
    tables = connection.execute(
        "select 1 from duckdb_tables() where schema_name = ? and table_name = ?", [SCHEMA, stream]
    )
    if not tables.fetchall():
        return []
    return connection.execute(f'select _id, _sdc_batched_at from "{SCHEMA}"."{stream}"').fetchall()  # noqa: S608 (a stream of the project's own)


def _comparison(stream: str, held: Iterable[str], rows: list[tuple[str, datetime]], since: datetime) -> Comparison:
    expected, found = set(held), {key for key, _ in rows}
    return Comparison(
        stream=stream,
        held=len(expected),
        arrived=len(rows),
        loaded=sum(loaded_at >= since for _, loaded_at in rows),
        missing=len(expected - found),
        repeated=len(rows) - len(found),
        unknown=len(found - expected),
    )
