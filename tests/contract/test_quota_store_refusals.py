"""A store that can never be used is told before the first call, and without its password."""

from __future__ import annotations

import builtins
import logging
import re
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import redis

from planhat_api import ConfigurationError, PlanhatClient
from planhat_api.models.registry import model
from tests.client_support import connection_of, sandbox, settings_for
from tests.servers import free_port, postgresql_server, redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD = "open-sesame%2F1"


def open_with(store: str) -> None:
    """Open a client, which makes no call."""
    settings = {"api_token": "t", "base_url": "http://127.0.0.1:9", "quota_store": store}
    with PlanhatClient(connection_of(settings)):
        pass


def told_for(store: str) -> str:
    """The message of the error of a store that can never be used."""
    with pytest.raises(ConfigurationError) as caught:
        open_with(store)
    text = str(caught.value)
    assert text.startswith("quota_store: ")
    assert "sesame" not in text
    assert caught.value.__cause__ is None
    return text


@pytest.fixture(scope="module")
def socket_folder() -> Iterator[str]:
    """A PostgreSQL server where the role `stranger` needs the password, and may create no table."""
    with postgresql_server() as server:
        rules = server.pgdata / "pg_hba.conf"
        rules.write_text(f"local all stranger scram-sha-256\nlocal nowhere all reject\n{rules.read_text()}")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'open-sesame/1'")
            connection.execute("CREATE DATABASE closed")
            connection.execute("REVOKE CONNECT ON DATABASE closed FROM public")
            connection.execute("SELECT pg_reload_conf()")
        yield str(server.pgdata)


def test_redis_refuses_a_password(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "open-sesame/1") as server:
        right = server.url.replace("://", f"://:{PASSWORD}@")
        for wrong in (server.url, right.replace(PASSWORD, "shut"), server.url.replace("/0", "/3")):
            assert "refuses user and password" in told_for(wrong)
        open_with(right)
        open_with(right.replace("redis", "valkey"))
        assert "no database with the number" in told_for(right.replace("/0", "/99"))
        assert "is no URL of Redis" in told_for(f"{right}?socket_timeout=soon")


@pytest.mark.parametrize("option", ["ssl=true", "ssl_cert_reqs=none", "no_such_option=sesame"])
def test_an_option_that_the_client_of_redis_does_not_have(option: str) -> None:
    assert "is no URL of Redis" in told_for(f"redis://127.0.0.1:{free_port()}/0?{option}")


def test_an_option_of_redis_with_a_wrong_value() -> None:
    assert "is no URL of Redis" in told_for(f"rediss://127.0.0.1:{free_port()}/0?ssl_cert_reqs=CERT_NONE")


def test_a_user_of_redis_who_may_not_write_the_book(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server, redis.Redis(port=server.port) as client:
        url = server.url.replace("://", f"://kim:{PASSWORD}@")
        commands = [f"+{name}" for name in ("watch", "unwatch", "time", "get", "multi", "exec")]
        password, keys = "+open-sesame/1", "planhat:quota:*"
        client.acl_setuser("kim", enabled=True, passwords=[password], commands=commands, keys=[keys])
        assert "commands watch, unwatch, time, get, multi, set, exec" in told_for(url)
        client.acl_setuser("kim", enabled=True, commands=["+set"])
        open_with(url)
        client.acl_setuser("kim", enabled=True, reset_keys=True, keys=["others:*"])
        assert "the keys planhat:quota:*" in told_for(url)


def test_postgresql_refuses_a_password_or_has_no_such_database(socket_folder: str) -> None:
    url = f"postgresql://stranger:{PASSWORD}@/postgres?host={socket_folder}"
    assert "may not create the table planhat_quota" in told_for(url)
    for wrong in (url.replace(PASSWORD, "shut"), url.replace(f":{PASSWORD}", ""), url.replace("stranger", "nobody")):
        assert "refuses user and password" in told_for(wrong)
    for database in ("missing", "closed"):
        assert "no database for this user" in told_for(url.replace("/postgres?", f"/{database}?"))
    assert "may not create the table" in told_for(f"{url}&options=-csearch_path%3Dmissing")
    assert "is no URL of PostgreSQL" in told_for(f"{url}&sslmode=perhaps&no_such_option=1")


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """Signed by nobody whom a client knows."""
    key, file = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-keyout",
        str(key),
        "-out",
        str(file),
    ]
    subprocess.run(["openssl", *made], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return context


@contextmanager
def served(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that serves one connection after the other."""

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=accept)
        serving.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


def test_a_certificate_that_nobody_knows(certificate: ssl.SSLContext) -> None:
    def encrypts(connection: socket.socket) -> None:
        certificate.wrap_socket(connection, server_side=True).recv(1)

    def encrypts_when_asked(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"S")
        encrypts(connection)

    def does_not_encrypt(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"N")
        connection.recv(100)

    with served(encrypts) as port:
        for option in ("", "?ssl_ca_certs=/missing"):
            assert "ssl_ca_certs=/path" in told_for(f"rediss://:{PASSWORD}@127.0.0.1:{port}/0{option}")
    url = f"postgresql://kim:{PASSWORD}@127.0.0.1"
    with served(encrypts_when_asked) as port:
        for option in ("", "&sslrootcert=system", "&sslrootcert=/missing"):
            assert "sslrootcert=system" in told_for(f"{url}:{port}/d?sslmode=verify-full{option}")
    with served(does_not_encrypt) as port:
        assert "choose another sslmode" in told_for(f"{url}:{port}/d?sslmode=require")


def test_a_node_of_a_cluster_of_redis() -> None:
    def sends_elsewhere(connection: socket.socket) -> None:
        while received := connection.recv(10_000):
            connection.sendall(b"-MOVED 7 127.0.0.1:9\r\n" * len(re.findall(rb"(?m)^\*\d", received)))

    with served(sends_elsewhere) as port:
        assert "is a node of a cluster" in told_for(f"redis://127.0.0.1:{port}")


def test_who_may_use_the_table_need_not_be_allowed_to_create_it(socket_folder: str) -> None:
    owner = f"postgresql://postgres@/postgres?host={socket_folder}"
    open_with(owner)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("GRANT SELECT, INSERT, UPDATE ON planhat_quota TO stranger")
    open_with(f"postgres://stranger:{PASSWORD}@/postgres?host={socket_folder}")


@pytest.mark.parametrize(
    ("store", "client", "extra"), [("redis://h", "redis", "redis"), ("postgresql://h/d", "psycopg", "postgresql")]
)
def test_an_extra_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, store: str, client: str, extra: str
) -> None:
    original = builtins.__import__

    def without(name: str, *others: Any) -> Any:
        if name.partition(".")[0] == client or name == f"planhat_api.quota.stores.{extra}":
            raise ImportError(name)
        return original(name, *others)

    monkeypatch.setattr(builtins, "__import__", without)
    assert f"pip install 'tap-planhat[{extra}]'" in told_for(store)


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_server_that_is_away_is_told_once_and_without_its_password(
    caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    store = f"{scheme}://kim:{PASSWORD}@127.0.0.1:{port}/1"
    with sandbox() as box, PlanhatClient(connection_of(settings_for(box, quota_store=store))) as client:
        for _ in range(3):
            client.page(model("companies"), limit=1)
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert f"The quota store 127.0.0.1:{port} ({scheme}) cannot be used" in told[0]
    assert "at most 1125 in 61 s" in told[0]
    assert "sesame" not in caplog.text
    assert "kim" not in caplog.text
