"""Compares what Planhat holds with what arrived in the warehouse, row by row on ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from planhat_api.registry import all_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from demo.tenant import Tenant
    from planhat_api.registry import Model

__all__ = ["Comparison", "compare"]

SCHEMA = "planhat"
STORED_AS = {"leancompanies": "companies"}


@dataclass(frozen=True)
class Comparison:
    """One stream: ids Planhat holds, ids that arrived, and where the two differ."""

    stream: str
    path: str
    held: int
    arrived: int
    missing: int
    repeated: int
    unknown: int

    @property
    def equal(self) -> bool:
        """Whether each row arrived exactly once, and no other."""
        return not (self.missing or self.repeated or self.unknown)


def compare(tenant: Tenant, warehouse: Path) -> list[Comparison]:
    """Every stream that the tap reads, in alphabetical order."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return sorted(_comparisons(tenant, connection), key=lambda comparison: comparison.stream)


def _comparisons(tenant: Tenant, connection: duckdb.DuckDBPyConnection) -> Iterator[Comparison]:
    tables = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
    for model in all_models().values():
        if "list" in model.operations:
            held = _held_ids(tenant, model)
            arrived = _arrived_ids(connection, model.stream) if model.stream in tables else []
            yield _comparison(model, held, arrived)


def _held_ids(tenant: Tenant, model: Model) -> list[str]:
    rows = tenant.rows(STORED_AS.get(model.path, model.path))
    return [row["_id"] for row in rows if all(row.get(field) == value for field, value in model.constants.items())]


def _arrived_ids(connection: duckdb.DuckDBPyConnection, stream: str) -> list[str]:
    return [row[0] for row in connection.execute(f'select _id from "{SCHEMA}"."{stream}"').fetchall()]  # noqa: S608 (names of the project's own streams)


def _comparison(model: Model, held: Iterable[str], arrived: list[str]) -> Comparison:
    expected, found = set(held), set(arrived)
    return Comparison(
        stream=model.stream,
        path=model.path,
        held=len(expected),
        arrived=len(arrived),
        missing=len(expected - found),
        repeated=len(arrived) - len(found),
        unknown=len(found - expected),
    )
