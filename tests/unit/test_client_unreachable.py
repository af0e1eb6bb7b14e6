"""A host that cannot be reached is told from one that does not answer: only the first is safe to try again."""

from __future__ import annotations

import socket

import pytest

from planhat_api import Connection, PlanhatClient, Row, UnavailableError


def client_of(url: str) -> PlanhatClient:
    return PlanhatClient(
        Connection.from_settings(
            {
                "api_token": "some-token",
                "tenant_token": "5a4db0c5-0000-4000-8000-000000000001",
                "base_url": url,
                "analytics_url": url,
                "quota_file": "",
                "give_up_after_seconds": 1,
                "timeout_seconds": 1,
            }
        )
    )


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("host", "reason"),
    [("no-such-host.invalid", "host name is not known"), ("127.0.0.1", "host refuses the connection")],
)
def test_nothing_was_sent_to_a_host_that_is_not_there(host: str, reason: str) -> None:
    with (
        client_of(f"http://{host}:{unused_port()}") as client,
        pytest.raises(UnavailableError, match=reason) as caught,
    ):
        client.push_activities([Row(b'{"email":"kim@acme.example"}', {})])
    assert not caught.value.may_have_arrived
    assert str(caught.value).endswith(". Check the network, and analytics_url")
    with (
        client_of(f"http://{host}:{unused_port()}") as client,
        pytest.raises(UnavailableError, match=reason) as caught,
    ):
        client.check_credentials()
    assert str(caught.value).endswith(". Check the network, and region or base_url")
