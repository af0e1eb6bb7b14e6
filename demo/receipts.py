"""What the target says became of each row, beside what Planhat really holds of it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

    from demo.tenant import Tenant

__all__ = ["OUTCOMES", "Delivery", "deliveries"]

OUTCOMES = ("created", "updated", "unchanged", "accepted", "rejected")
FIELDS_READ_BACK = {"companies": ("custom",), "endusers": ("email", "firstName", "lastName")}

Row = dict[str, Any]


@dataclass
class Delivery:
    """One stream of one run.

    Attributes:
        stream: Its name.
        sent: Rows the warehouse had to send.
        found: Those of them that Planhat now holds with the values sent.
        outcomes: Receipts by outcome.
        reasons: Why rows were rejected.
    """

    stream: str
    sent: int
    found: int
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def accounted_for(self) -> bool:
        """Whether each row has one receipt, and Planhat holds all but the rejected ones."""
        return self.outcomes.total() == self.sent and self.found == self.sent - self.outcomes["rejected"]


def deliveries(receipts: Path, warehouse: Path, tenant: Tenant) -> list[Delivery]:
    """Every stream of the run that wrote its receipts into a folder."""
    by_stream = _receipts(receipts)
    found = []
    for stream, rows in _sent(warehouse).items():
        delivery = Delivery(stream, len(rows), _found(tenant, stream, rows))
        for receipt in by_stream[stream]:
            delivery.outcomes[receipt["outcome"]] += 1
            if receipt["outcome"] == "rejected":
                delivery.reasons.append(receipt["reason"])
        found.append(delivery)
    return found


def _receipts(folder: Path) -> defaultdict[str, list[Row]]:
    by_stream: defaultdict[str, list[Row]] = defaultdict(list)
    for path in folder.glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            receipt = json.loads(line)
            by_stream[receipt["stream"]].append(receipt)
    return by_stream


def _sent(warehouse: Path) -> dict[str, list[Row]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'send' order by 1"
        ).fetchall()
        return {table: _rows(connection, table) for (table,) in sorted(tables)}


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    result = connection.execute(f'select * from send."{table}"')  # noqa: S608 (a table of the demo's own)
    columns = [column[0] for column in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _found(tenant: Tenant, stream: str, rows: list[Row]) -> int:
    if stream == "metrics":
        held = {_point(point) for point in tenant.sent_metrics()}
        return sum(_point(row) in held for row in rows)
    by_key = {row.get("externalId"): row for row in tenant.rows(stream)}
    return sum(_holds(by_key.get(row["externalId"], {}), row, FIELDS_READ_BACK[stream]) for row in rows)


def _point(row: Row) -> tuple[str, str, str, float]:
    return row["externalId"], row["dimensionId"], str(row["date"])[:10], row["value"]


def _holds(held: Row, sent: Row, fields: tuple[str, ...]) -> bool:
    """Whether Planhat's row has the values sent; of ``custom``, those of the keys sent (B48)."""
    for name in fields:
        if name == "custom":
            custom = held.get("custom") or {}
            if any(custom.get(key) != value for key, value in json.loads(sent["custom"]).items()):
                return False
        elif held.get(name) != sent[name]:
            return False
    return True
