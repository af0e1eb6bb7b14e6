"""The example tap reads what DuckDB holds as JSON that a target can take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from singer_sdk.exceptions import ConfigValidationError
from tap_warehouse.tap import TapWarehouse

EVERY_TYPE = """
    select 'a' as id, 1::hugeint as whole, 1.50::decimal(9,2) as money, 2.5::double as ratio, true as flag,
           timestamp '2024-05-14 09:30:00' as at, date '2024-05-14' as day,
           timestamptz '2024-05-14 09:30:00+02' as zoned,
           '{"Usage tier": "High"}'::json as custom, {'a': 1} as pair, [1, 2] as several, map {'k': 'v'} as named,
           null::varchar as nothing, null::json as no_json
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create table kinds as {EVERY_TYPE}")
    return path


def run(warehouse: Path, queries: dict[str, Any], tmp_path: Path) -> list[dict[str, Any]]:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"path": str(warehouse), "queries": queries}))
    result = CliRunner().invoke(TapWarehouse.cli, ["--config", str(config)], catch_exceptions=False)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_type_becomes_plain_json(warehouse: Path, tmp_path: Path) -> None:
    messages = run(warehouse, {"kinds": {"sql": "select * from kinds", "key": ["id"]}}, tmp_path)
    record = next(message["record"] for message in messages if message["type"] == "RECORD")
    assert record == {
        "id": "a",
        "whole": 1,
        "money": 1.5,
        "ratio": 2.5,
        "flag": True,
        "at": "2024-05-14T09:30:00.000000+00:00",
        "day": "2024-05-14",
        "zoned": record["zoned"],
        "custom": {"Usage tier": "High"},
        "pair": {"a": 1},
        "several": [1, 2],
        "named": {"k": "v"},
        "nothing": None,
        "no_json": None,
    }
    assert record["zoned"].startswith("2024-05-14T")
    schema = next(message for message in messages if message["type"] == "SCHEMA")
    assert schema["key_properties"] == ["id"]
    assert set(schema["schema"]["properties"]) == set(record)


def test_all_rows_come(warehouse: Path, tmp_path: Path) -> None:
    messages = run(warehouse, {"many": {"sql": "select range as id from range(25_000)", "key": ["id"]}}, tmp_path)
    ids = [message["record"]["id"] for message in messages if message["type"] == "RECORD"]
    assert ids == list(range(25_000))


def test_a_key_that_the_query_lacks_is_named(warehouse: Path) -> None:
    queries = {"kinds": {"sql": "select * from kinds", "key": ["ident"]}}
    with pytest.raises(ConfigValidationError, match="no column \\['ident'\\]"):
        TapWarehouse(config={"path": str(warehouse), "queries": queries})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"path": "no-such.duckdb"}, "path: IO Error"),
        ({"queries": {"kinds": {"sql": "select * from send.kinds"}}}, "queries: kinds: Catalog Error"),
        ({"queries": {"kinds": {"sql": "select * from kinds", "key": ["ident"]}}}, "queries: kinds has no column"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--discover",), ("--test",)])
def test_a_file_or_a_query_that_duckdb_refuses_is_told_in_a_line(
    warehouse: Path, tmp_path: Path, changed: dict[str, Any], told: str, options: tuple[str, ...]
) -> None:
    config = tmp_path / "config.json"
    good = {"path": str(warehouse), "queries": {"kinds": {"sql": "select * from kinds"}}}
    config.write_text(json.dumps({**good, **changed}))
    command = [str(Path(sys.executable).with_name("tap-warehouse")), "--config", str(config)]
    done = subprocess.run([*command, *options], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
