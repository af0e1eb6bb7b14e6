"""A host that cannot be reached is told from one that does not answer: only the first is safe to try again."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from planhat_api import PlanhatClient, Row, UnavailableError, UnknownHostError
from planhat_sandbox import Sandbox
from tests.client_support import connection_of


def client_of(url: str, **settings: Any) -> PlanhatClient:
    return PlanhatClient(
        connection_of(
            {
                "api_token": "some-token",
                "tenant_token": "5a4db0c5-0000-4000-8000-000000000001",
                "base_url": url,
                "analytics_url": url,
                "quota_store": "",
                "give_up_after_seconds": 1,
                "timeout_seconds": 1,
                **settings,
            }
        )
    )


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_nothing_was_sent_to_a_host_that_is_not_there() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    with client_of(url) as client, pytest.raises(UnavailableError, match="host refuses the connection") as caught:
        client.push_activities([Row(b'{"email":"kim@acme.example"}', {})]).raise_for_error()
    assert not caught.value.may_have_arrived
    assert str(caught.value).endswith(". Check the network, and analytics_url")
    with client_of(url) as client, pytest.raises(UnavailableError, match="host refuses the connection") as caught:
        client.check_credentials()
    assert str(caught.value).endswith(". Check the network, and region or base_url")


def test_a_name_that_no_host_has_is_told_at_once() -> None:
    with client_of("http://no-such-host.invalid", give_up_after_seconds=60) as client:
        began = time.monotonic()
        with pytest.raises(UnknownHostError, match="no such host") as caught:
            client.push_activities([Row(b'{"email":"kim@acme.example"}', {})]).raise_for_error()
        assert not caught.value.may_have_arrived
        assert str(caught.value).endswith(". Check analytics_url, and the network")
        with pytest.raises(UnknownHostError, match="Check region or base_url, and the network"):
            client.check_credentials()
        assert time.monotonic() - began < 10


def test_a_region_that_does_not_exist_is_named() -> None:
    with (
        client_of("https://api-zz9.planhat.com", give_up_after_seconds=60) as client,
        pytest.raises(UnknownHostError, match=r"no such host\. Check region, 'zz9'"),
    ):
        client.check_credentials()


@pytest.mark.parametrize(
    ("answers_first", "error", "tries"),
    [(False, socket.EAI_AGAIN, 2), (True, socket.EAI_NONAME, 2), (False, socket.EAI_NONAME, 1)],
    ids=["whoever knows names is out of reach", "the host was there before", "there is none"],
)
def test_a_name_is_looked_up_again_when_that_may_help(
    monkeypatch: pytest.MonkeyPatch, *, answers_first: bool, error: int, tries: int
) -> None:
    with Sandbox(companies=1, seed=1) as box:
        port = urlsplit(box.url).port
        client = client_of(f"http://localhost:{port}", give_up_after_seconds=20, api_token=box.api_token)
        if answers_first:
            client.check_credentials()
            client._transport._session.close()
        real, asked = socket.getaddrinfo, []

        def fails_once(*arguments: Any, **options: Any) -> Any:
            asked.append(arguments)
            if len(asked) == 1:
                raise socket.gaierror(error, "said the test")
            return real(*arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", fails_once)
        with client, contextlib.nullcontext() if tries > 1 else pytest.raises(UnknownHostError):
            client.check_credentials()
        assert len(asked) == tries
