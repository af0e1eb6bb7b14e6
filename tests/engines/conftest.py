"""What the tests with Dagster share."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.engines.processes import Box, sandbox
from tests.engines.tenant import Acme
from tests.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Dagster reports how it is used unless it is told not to, and compiles much.
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files whose tests wait longest come first: for a quota, and for what must not happen."""
    items.sort(key=lambda item: item.path.name not in {"test_machines.py", "test_workers.py"})


@pytest.fixture(scope="session")
def warehouse() -> Iterator[str]:
    with postgresql_server() as server:
        yield server.get_uri()


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with sandbox(f"token-{secrets.token_hex(8)}", "--companies", "6", "--days", "40") as running:
        yield running


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as running:
        yield running


@pytest.fixture
def acme(
    box: Box, warehouse: str, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Acme:
    monkeypatch.setenv("PLANHAT_API_TOKEN_ACME", box.token)
    # The host in the query wins; the password is there to be looked for.
    monkeypatch.setenv("WAREHOUSE_URL", warehouse.replace("postgres:@/", "postgres:a-pass-word@localhost/"))
    # The quota of a machine is kept in the user's cache folder.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Acme(box, instance, tmp_path, schema=f"acme_{secrets.token_hex(4)}")
