"""The demo's own checks notice what they are there for."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import pytest

from demo.compare import compare
from demo.receipts import deliveries
from demo.report import table
from demo.tenant import Tenant
from planhat_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOADED = datetime(2026, 1, 2)  # noqa: DTZ001 (the loader writes no zone)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1) as running:
        yield running


@pytest.fixture
def tenant(box: Sandbox) -> Tenant:
    return Tenant(box.url, box.api_token)


def warehouse_with(folder: Path, ids: list[str]) -> Path:
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create schema planhat; create table planhat.companies (_id varchar, _sdc_batched_at timestamp)"
        )
        connection.executemany("insert into planhat.companies values (?, ?)", [(key, LOADED) for key in ids])
    return path


@pytest.mark.parametrize(
    ("change", "figures"),
    [
        (lambda ids: ids, (3, 0, 0, 0)),
        (lambda ids: ids[1:], (2, 1, 0, 0)),
        (lambda ids: [*ids, ids[0]], (4, 0, 1, 0)),
        (lambda ids: [*ids[1:], "of another tenant"], (3, 1, 0, 1)),
    ],
    ids=["equal", "lost", "repeated", "strange"],
)
def test_a_lost_repeated_or_strange_row_is_noticed(
    box: Sandbox, tenant: Tenant, tmp_path: Path, change: object, figures: tuple[int, ...]
) -> None:
    assert callable(change)
    ids = change([row["_id"] for row in box.rows("companies")])
    compared = compare(tenant, warehouse_with(tmp_path, ids), LOADED)
    companies = next(one for one in compared if one.stream == "companies")
    assert (companies.arrived, companies.missing, companies.repeated, companies.unknown) == figures
    assert companies.equal is (figures == (3, 0, 0, 0))
    assert companies.loaded == len(ids)


def test_a_stream_without_a_table_lacks_every_row(box: Sandbox, tenant: Tenant, tmp_path: Path) -> None:
    compared = compare(tenant, warehouse_with(tmp_path, ["an id"]), LOADED)
    users = next(one for one in compared if one.stream == "users")
    assert users.missing == users.held == len(box.rows("users"))
    assert users.held


def sent_company(box: Sandbox, folder: Path, *, as_held: bool) -> Path:
    """A warehouse that had one company to send, with a value that Planhat holds or one that it does not."""
    company = next(row for row in box.rows("companies") if row.get("externalId") and row.get("custom"))
    name, value = next(iter(company["custom"].items()))
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute('create schema send; create table send.companies ("externalId" varchar, custom json)')
        custom = json.dumps({name: value if as_held else "never written"})
        connection.execute("insert into send.companies values (?, ?)", [company["externalId"], custom])
    return path


@pytest.mark.parametrize(
    ("as_held", "outcome", "accounted_for"),
    [(True, "updated", True), (False, "updated", False), (False, "rejected", True), (True, None, False)],
)
def test_receipts_are_held_against_what_planhat_holds(
    box: Sandbox, tmp_path: Path, *, as_held: bool, outcome: str | None, accounted_for: bool
) -> None:
    warehouse = sent_company(box, tmp_path, as_held=as_held)
    receipt = {"stream": "companies", "outcome": outcome, "reason": "because"}
    (tmp_path / "receipts.jsonl").write_text(json.dumps(receipt) + "\n" if outcome else "")
    (delivery,) = deliveries(tmp_path, warehouse, Tenant(box.url, box.api_token))
    assert delivery.accounted_for is accounted_for
    assert delivery.reasons == (["because"] if outcome == "rejected" else [])


def test_tables_align_their_columns() -> None:
    shown = table(["stream", "rows"], [("companies", 1234), ("Kite 🪁", 5)]).splitlines()
    assert shown == ["  stream      rows", "  ---------  -----", "  companies  1,234", "  Kite 🪁        5"]
