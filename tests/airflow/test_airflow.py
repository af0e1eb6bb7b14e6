"""The DAG of examples/airflow, run by Airflow itself: what the loader got is what the sandboxes hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from planhat_sandbox import Sandbox
from tests.end_to_end.readme import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "airflow"
AIRFLOW = EXAMPLE / ".venv" / "bin" / "airflow"
BIN = Path(sys.executable).parent
DIMENSIONS = {"acme": ["logins", "api-calls"], "globex": ["logins"]}
DAYS = 20
TRY_IT = Section("Try it", EXAMPLE / "README.md")
# A loader that keeps the ids of each run in a file of its own.
LOADER = """
import json, pathlib, sys, uuid
ids = [each["record"]["_id"] for each in map(json.loads, sys.stdin) if each["type"] == "RECORD"]
pathlib.Path(sys.argv[1], uuid.uuid4().hex).write_text(json.dumps(ids))
"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def boxes() -> Iterator[dict[str, Sandbox]]:
    sizes = {"acme": 5, "globex": 3}
    found = {
        tenant: Sandbox(companies=size, seed=size, days=40, api_token=f"secret-token-of-{tenant}")
        for tenant, size in sizes.items()
    }
    for box in found.values():
        box.start()
    yield found
    for box in found.values():
        box.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("airflow")


@pytest.fixture(scope="module")
def days() -> tuple[str, str]:
    """The first and the last day that is read; there are points before and after."""
    last = datetime.now(timezone.utc).date() - timedelta(days=5)
    return str(last - timedelta(days=DAYS - 1)), str(last)


@pytest.fixture(scope="module")
def environment(home: Path, boxes: dict[str, Sandbox], days: tuple[str, str]) -> dict[str, str]:
    assert AIRFLOW.exists(), "Airflow is set up by `make test-engines`"
    (home / "loaded").mkdir()
    (home / "loader.py").write_text(LOADER)
    plan = {
        "start": datetime.fromisoformat(days[0]).date(),
        "end": datetime.fromisoformat(days[1]).date(),
        "days": 7,
        "commands": {
            "tap": [str(BIN / "tap-planhat")],
            "loader": [sys.executable, str(home / "loader.py"), str(home / "loaded")],
        },
        "tenants": DIMENSIONS,
    }
    (home / "plan.yaml").write_text(yaml.safe_dump(plan))
    connections = {
        f"AIRFLOW_CONN_PLANHAT_{tenant.upper()}": json.dumps(
            {"conn_type": "generic", "host": box.url, "password": box.api_token}
        )
        for tenant, box in boxes.items()
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TAP_", "PYTEST_"))}
    return {
        **own,
        **connections,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "PLANHAT_BACKFILL": str(home / "plan.yaml"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }


def airflow(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [str(AIRFLOW), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def told(environment: dict[str, str]) -> str:
    """The output of one run of the DAG."""
    airflow(environment, "db", "migrate")
    for tenant in DIMENSIONS:
        airflow(environment, "pools", "set", f"planhat_{tenant}", "4", "backfill")
    return airflow(environment, "dags", "test", "planhat_backfill")


def wanted(box: Sandbox, dimensions: list[str], days: tuple[str, str]) -> list[str]:
    return [
        row["_id"]
        for row in box.rows("dimensiondata")
        if row["dimensionId"] in dimensions and days[0] <= row["time"][:10] <= days[1]
    ]


def test_every_point_of_the_days_is_loaded_once(
    told: str, home: Path, boxes: dict[str, Sandbox], days: tuple[str, str]
) -> None:
    loaded: list[list[str]] = [json.loads(file.read_text()) for file in (home / "loaded").iterdir()]
    assert len(loaded) == 3 * 3, told[-3000:]
    points = [key for tenant, box in boxes.items() for key in wanted(box, DIMENSIONS[tenant], days)]
    assert len(points) > 100
    assert Counter(key for keys in loaded for key in keys) == Counter(points)


def test_points_that_the_token_may_not_read_do_not_count_as_read(
    environment: dict[str, str], told: str, boxes: dict[str, Sandbox]
) -> None:
    assert told
    calls = len(boxes["globex"].calls)
    boxes["globex"].set_faults([{"kind": "status", "status": 403, "path": "dimensiondata"}])
    try:
        again = subprocess.run(
            [str(AIRFLOW), "dags", "test", "planhat_backfill"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
    finally:
        boxes["globex"].set_faults([])
    assert len(boxes["globex"].calls) > calls
    assert "nothing says that the points were read" in again.stdout + again.stderr


def test_no_call_is_made_but_for_the_points(told: str, boxes: dict[str, Sandbox]) -> None:
    assert {call.path for box in boxes.values() for call in box.calls} == {"dimensiondata"}


def test_tokens_stand_nowhere(told: str, home: Path, boxes: dict[str, Sandbox]) -> None:
    assert '"records"' in told
    written = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert any(b"planhat_backfill" in content for content in written)
    for box in boxes.values():
        assert box.api_token not in told
        assert not any(box.api_token.encode() in content for content in written)


def test_the_dag_is_imported_without_errors(environment: dict[str, str], told: str) -> None:
    found: Any = json.loads(airflow(environment, "dags", "list-import-errors", "--output", "json").splitlines()[-1])
    assert found == []


def test_the_catalog_is_what_the_tap_discovers(tmp_path: Path) -> None:
    settings = {"api_token": "none-is-needed", "custom_field_definitions": False}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    command = [str(BIN / "tap-planhat"), "--config", str(tmp_path / "config.json"), "--discover"]
    discovered = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    (stream,) = [each for each in discovered["streams"] if each["tap_stream_id"] == "dimension_data"]
    assert json.loads((EXAMPLE / "dags" / "dimension_data.json").read_text()) == {"streams": [stream]}


def test_what_the_page_shows_works_when_it_is_typed(tmp_path: Path) -> None:
    with Sandbox(companies=3, seed=3, days=40) as box:
        script = "\n".join(command for command in TRY_IT.commands() if "serve" not in command)
        script = script.replace("http://127.0.0.1:8080", box.url).replace("$PWD/output/airflow", str(tmp_path))
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST_"))}
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail"],
            input=script,
            cwd=ROOT,
            env=own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        today = datetime.now(timezone.utc).date()
        span = str(today - timedelta(days=20)), str(today - timedelta(days=3))
        assert int(done.stdout.splitlines()[-1]) == len(wanted(box, ["logins", "active_users"], span)) > 100
