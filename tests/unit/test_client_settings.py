"""Settings are checked before the first call, and what is wrong is said without a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planhat_api import ConfigurationError, Connection
from planhat_api.settings.quota_store import secrets_of, shown
from planhat_api.settings.table import CONNECTION_SETTINGS

TOKEN = "t0ken-of-tests"
TENANT = "5a4db0c5-0000-4000-8000-000000000001"


def test_the_token_is_enough() -> None:
    connection = Connection.from_settings({"api_token": TOKEN})
    assert connection.base_url == "https://api.planhat.com"
    assert connection.analytics_url == "https://analytics.planhat.com"
    assert (connection.calls_per_minute, connection.parallel_calls) == (200, 4)
    assert (connection.timeout_seconds, connection.give_up_after_seconds) == (60, 120)
    assert connection.quota_store is not None


def test_defaults_are_those_described() -> None:
    described = {name: schema["default"] for name, schema in CONNECTION_SETTINGS.items() if "default" in schema}
    connection = Connection.from_settings({"api_token": TOKEN})
    assert {name: getattr(connection, name) for name in described} == described


def test_numbers_may_come_as_text_and_empty_text_is_no_value() -> None:
    settings = {"parallel_calls": "5", "timeout_seconds": "25", "calls_per_minute": "", "region": "", "base_url": None}
    connection = Connection.from_settings({"api_token": f" {TOKEN}\n", **settings})
    assert (connection.parallel_calls, connection.timeout_seconds, connection.calls_per_minute) == (5, 25, 200)
    assert connection.api_token == TOKEN
    assert connection.base_url == "https://api.planhat.com"


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"region": "us2"}, "https://api-us2.planhat.com"),
        ({"region": "eu"}, "https://api-eu.planhat.com"),
        ({"base_url": "https://api.planhatdemo.com/"}, "https://api.planhatdemo.com"),
        ({"base_url": "http://127.0.0.1:8080/prefix/"}, "http://127.0.0.1:8080/prefix"),
    ],
)
def test_the_host(settings: dict[str, Any], url: str) -> None:
    assert Connection.from_settings({"api_token": TOKEN, **settings}).base_url == url


@pytest.mark.parametrize(
    ("settings", "setting", "right"),
    [
        ({"api_token": None}, "api_token", "private app"),
        ({"api_token": "  "}, "api_token", "private app"),
        ({"api_token": 5}, "api_token", "private app"),
        ({"api_token": "two words"}, "api_token", "copy it again"),
        ({"api_token": "schlüssel"}, "api_token", "copy it again"),
        ({"api_token": "Bearer:abc"}, "api_token", "without Bearer"),
        ({"tenant_token": "acme"}, "tenant_token", "UUID"),
        ({"region": "https://app-us2.planhat.com/home"}, "region", "write us2"),
        ({"region": "app-eu3.planhat.com"}, "region", "write eu3"),
        ({"region": "https://app.planhat.com"}, "region", "leave it out"),
        ({"region": "US 2"}, "region", "e.g. us2"),
        ({"region": 2}, "region", "must be text"),
        ({"region": "us2", "base_url": "https://api.planhat.com"}, "region", "leave it out"),
        ({"base_url": "us2"}, "base_url", "https://"),
        ({"base_url": "api-us2.planhat.com"}, "base_url", "https://"),
        ({"base_url": "ftp://api.planhat.com"}, "base_url", "https://"),
        ({"base_url": "http://api.planhat.com"}, "base_url", "in the clear"),
        ({"base_url": "https://app-us2.planhat.com"}, "base_url", "https://api-us2.planhat.com"),
        ({"base_url": f"https://{TOKEN}@api.planhat.com"}, "base_url", "a setting of its own"),
        ({"base_url": f"{TOKEN}@api.planhat.com?x={TOKEN}"}, "base_url", "https://"),
        ({"base_url": "https://api.planhat.com:99999"}, "base_url", "port"),
        ({"analytics_url": "analytics.planhat.com"}, "analytics_url", "https://"),
        ({"analytics_auth_method": "x"}, "analytics_auth_method", "one of basic_tenant, bearer, none"),
        ({"calls_per_minute": 0}, "calls_per_minute", "from 1 to 9000"),
        ({"calls_per_minute": "many"}, "calls_per_minute", "from 1 to 9000"),
        ({"calls_per_minute": 0.5}, "calls_per_minute", "a whole number"),
        ({"parallel_calls": 51}, "parallel_calls", "from 1 to 50"),
        ({"parallel_calls": True}, "parallel_calls", "a whole number"),
        ({"timeout_seconds": "nan"}, "timeout_seconds", "a whole number from 1 to 3600"),
        ({"timeout_seconds": -1}, "timeout_seconds", "a whole number from 1 to 3600"),
        ({"quota_store": 7}, "quota_store", "must be text"),
        ({"quota_store": "~nobody-of-this-name/q"}, "quota_store", "write the whole path"),
        ({"quota_store": "http://kim:s3cret@h/1"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": "redis:h"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": "redis://"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": "rediss://:s3cret@h:port"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": "valkey://[h"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": "postgresql:///d?user=kim"}, "quota_store", "postgresql://user:password@host:5432/database"),
        ({"quota_store": "postgresql://kim:12/s3cret@h/d"}, "quota_store", "%2F for a /"),
        ({"quota_store": "postgresql://kim:a@s3cret/b@h/d"}, "quota_store", "%2F for a /"),
        ({"quota_store": "postgresql:///s3cret@x/d?host=h"}, "quota_store", "%2F for a /"),
        ({"quota_store": "redis://kim:12#s3cret@h/1"}, "quota_store", "%23 for #"),
        ({"quota_store": "redis://kim:12?s3cret@h/1"}, "quota_store", "%3F for ?"),
        ({"quota_store": "kim:s3cret@h:6379/0"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": ":s3c/ret@h:6379/0"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": "localhost:6379/0"}, "quota_store", "redis://host:6379/0"),
        ({"quota_store": "10.0.0.7:6379"}, "quota_store", "redis://host:6379/0"),
        ({"quota_workers": 0}, "quota_workers", "from 1 to 10000"),
        ({"quota_priority": "high"}, "quota_priority", "one of backfill, normal"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(settings: dict[str, Any], setting: str, right: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Connection.from_settings({"api_token": TOKEN, **settings})
    assert caught.value.setting == setting
    assert right in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert str(settings.get("api_token") or TOKEN) not in str(caught.value)
    assert str(settings.get("tenant_token") or TOKEN) not in str(caught.value)


def test_a_call_is_repeated_over_twice_its_timeout() -> None:
    connection = Connection.from_settings({"api_token": TOKEN, "timeout_seconds": 7})
    assert (connection.timeout_seconds, connection.give_up_after_seconds) == (7, 14)


def test_no_secret_in_the_repr() -> None:
    shown = repr(Connection.from_settings({"api_token": TOKEN, "tenant_token": TENANT}))
    assert TOKEN not in shown
    assert TENANT not in shown


def test_the_quota_store_is_one_per_host_and_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    files = {
        Connection.from_settings({"api_token": token, "region": region}).quota_store
        for token in ("a", "b")
        for region in ("", "us2")
    }
    assert len(files) == 4
    assert all(str(file).startswith("/cache/planhat/quota-") for file in files)
    assert Connection.from_settings({"api_token": TOKEN, "quota_store": ""}).quota_store is None
    assert str(Connection.from_settings({"api_token": TOKEN, "quota_store": "/x/q"}).quota_store) == "/x/q"


@pytest.mark.parametrize(
    ("text", "address", "shown_as", "hidden"),
    [
        ("redis://h", "redis://h", "h (redis)", ["redis://h"]),
        ("REDISS://kim:a%2Fb@h:1/0", "rediss://kim:a%2Fb@h:1/0", "h:1 (rediss)", ["a%2Fb", "a/b"]),
        ("postgres://kim@h/d?password=x%20y", "postgres://kim@h/d?password=x%20y", "h (postgres)", ["x%20y", "x y"]),
        ("postgresql:///d?host=/run/pg", "postgresql:///d?host=/run/pg", "/run/pg (postgresql)", []),
        ("/x/q.sqlite", Path("/x/q.sqlite"), "/x/q.sqlite", []),
        ("C:\\x\\q", Path("C:\\x\\q"), "C:\\x\\q", []),
        ("notes: q", Path("notes: q"), "notes: q", []),
        ("C:/x@y", Path("C:/x@y"), "C:/x@y", []),
        ("/x:1/y@z", Path("/x:1/y@z"), "/x:1/y@z", []),
        ("redis://:a@b@h/0", "redis://:a@b@h/0", "h (redis)", ["a@b"]),
    ],
)
def test_a_store_is_a_file_or_a_server(text: str, address: Path | str, shown_as: str, hidden: list[str]) -> None:
    connection = Connection.from_settings({"api_token": TOKEN, "quota_store": f" {text} "})
    assert connection.quota_store == address
    assert shown(address) == shown_as
    secrets = secrets_of(address)
    assert set(hidden) <= set(secrets)
    assert (address in secrets) == isinstance(address, str)
    assert text not in repr(connection)


@pytest.mark.parametrize("schema", CONNECTION_SETTINGS.values(), ids=CONNECTION_SETTINGS.keys())
def test_settings_are_described(schema: dict[str, Any]) -> None:
    assert schema["title"]
    assert schema["description"].endswith(".")


def test_a_tilde_in_the_quota_store_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of-tests")
    assert str(Connection.from_settings({"api_token": TOKEN, "quota_store": "~/q"}).quota_store) == "/home/of-tests/q"
