"""Tells the demo's story, step by step."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import duckdb

from demo.compare import compare
from demo.pipelines import ROOT, Pipelines
from demo.processes import CommandError
from demo.receipts import OUTCOMES, deliveries
from demo.report import table
from demo.sandbox import API_TOKEN, running_sandbox
from demo.tenant import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OUTPUT = ROOT / "output" / "demo"
SIZE = {"companies": 500, "endusers": 5_000, "days": 60, "seed": 7}
"""What the sandbox makes up; each number is an option of the demo."""
CUSTOM_FIELDS = (
    {"parent": "company", "name": "Usage tier", "type": "list", "listValues": ["High", "Medium", "Low"]},
    {"parent": "company", "name": "Usage score", "type": "number"},
    {"parent": "company", "name": "Usage trend %", "type": "number"},
)
INTERRUPTED = 130


class DifferenceError(Exception):
    """Planhat does not hold what it should."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Prints what is being done and how long it took."""
    print(f"\n> {title}", flush=True)
    started = time.monotonic()
    yield
    print(f"  {time.monotonic() - started:.1f} s", flush=True)


def show_extract(tenant: Tenant, pipelines: Pipelines, earlier_calls: int) -> int:
    """Runs the extract and shows, per stream, what arrived; the number of calls so far.

    Raises:
        DifferenceError: A row is missing, came twice, or is not Planhat's.
    """
    # The loader stamps its rows in local time, without a zone.
    started = datetime.now(timezone.utc).astimezone().replace(tzinfo=None)
    with step("meltano run tap-planhat target-duckdb"):
        pipelines.extract()
    calls = tenant.calls()
    read = sum(call["rows"] for call in calls[earlier_calls:] if call["method"] == "GET")
    print(f"  {len(calls) - earlier_calls} calls brought {read:,} rows")
    compared = compare(tenant, pipelines.warehouse, started)
    head = ["stream", "in Planhat", "in DuckDB", "loaded now", "missing", "repeated", "unknown"]
    rows = [(one.stream, one.held, one.arrived, one.loaded, one.missing, one.repeated, one.unknown) for one in compared]
    print(table(head, rows))
    if wrong := [one.stream for one in compared if not one.equal]:
        message = f"Planhat and DuckDB differ in {', '.join(wrong)}."
        raise DifferenceError(message)
    return len(calls)


def show_send_back(tenant: Tenant, pipelines: Pipelines, run: str) -> None:
    """Computes in the warehouse, sends the result, and shows what became of each row.

    Raises:
        DifferenceError: The receipts and what Planhat holds do not fit together.
    """
    with (
        step("SQL in DuckDB: tier, score and trend of each company's usage, a daily score, sign-ups"),
        duckdb.connect(str(pipelines.warehouse)) as connection,
    ):
        connection.execute((ROOT / "demo" / "warehouse.sql").read_text("utf-8"))
        falling = connection.execute("select name, tier, score, trend from product.falling_fastest").fetchall()
    print("  usage falls fastest at:")
    print(table(["company", "tier", "score", "trend %"], falling))
    receipts = OUTPUT / "receipts" / run
    with step("meltano run tap-warehouse target-planhat"):
        pipelines.send_back(receipts)
    delivered = deliveries(receipts, pipelines.warehouse, tenant)
    rows = [(one.stream, one.sent, *(one.outcomes[name] for name in OUTCOMES), one.found) for one in delivered]
    print(table(["stream", "sent", *OUTCOMES, "found in Planhat"], rows))
    for one in delivered:
        for reason in one.reasons:
            print(f"  rejected from {one.stream}: {reason}")
    if wrong := [one.stream for one in delivered if not one.accounted_for]:
        message = f"Receipts and Planhat differ in {', '.join(wrong)}."
        raise DifferenceError(message)


def tell(size: Mapping[str, int]) -> None:
    """The whole story, on a tenant of a size."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    with ExitStack() as running:
        told = "{companies:,} companies, {endusers:,} endusers, {days} days of metrics".format(**size)
        with step(f"a local Planhat: {told}"):
            addresses = running.enter_context(running_sandbox(size, OUTPUT / "sandbox.log"))
        tenant = Tenant(addresses[0], API_TOKEN)
        tenant.define_custom_fields(CUSTOM_FIELDS)
        pipelines = Pipelines(addresses, OUTPUT)
        with step("meltano install"):
            pipelines.install()

        calls = show_extract(tenant, pipelines, earlier_calls=0)
        show_send_back(tenant, pipelines, "first")
        print("\nOnce more: only what changed is read, and nothing is written twice.")
        show_extract(tenant, pipelines, calls)
        show_send_back(tenant, pipelines, "second")
    print(f"\nThe warehouse is {pipelines.warehouse.relative_to(ROOT)}; logs, receipts and rejects are beside it.")


def main() -> int:
    """Exit code of the demo."""
    options = argparse.ArgumentParser(prog="demo", description=__doc__)
    for name, value in SIZE.items():
        options.add_argument(f"--{name}", type=int, default=value, help=f"default {value}")
    size = vars(options.parse_args())
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        tell(size)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (CommandError, DifferenceError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
