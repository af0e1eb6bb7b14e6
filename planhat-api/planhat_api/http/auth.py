"""Makes the Authorization header of a call (B5, B8)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from requests.auth import AuthBase

from planhat_api.errors import ConfigurationError

if TYPE_CHECKING:
    from requests import PreparedRequest

    from planhat_api.settings.connection import Connection

__all__ = ["NO_AUTH", "Authorization", "main_auth", "metrics_auth", "segment_auth", "tenant_token"]


class Authorization(AuthBase):
    """Sets the Authorization header. With such an object, requests does not look for a netrc file."""

    def __init__(self, value: str | None) -> None:
        """Take the value of the header; None sends no header."""
        self._value = value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header to a request."""
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


NO_AUTH = Authorization(None)


def main_auth(connection: Connection) -> Authorization:
    """The header for the main API (B5)."""
    return Authorization(f"Bearer {connection.api_token}")


def metrics_auth(connection: Connection) -> Authorization:
    """The header for metrics on the analytics host; sources contradict each other on what it accepts (B8).

    Raises:
        ConfigurationError: ``basic_tenant`` is set and there is no tenant token.
    """
    if connection.analytics_auth_method == "bearer":
        return Authorization(f"Bearer {connection.api_token}")
    if connection.analytics_auth_method == "basic_tenant":
        return _basic(tenant_token(connection))
    return NO_AUTH


def segment_auth(connection: Connection) -> Authorization:
    """The header for Segment events: Basic with the tenant token as user name (B8).

    Raises:
        ConfigurationError: There is no tenant token.
    """
    return _basic(tenant_token(connection))


def tenant_token(connection: Connection) -> str:
    """The tenant token.

    Raises:
        ConfigurationError: There is none.
    """
    if connection.tenant_token is None:
        raise ConfigurationError(
            setting="tenant_token",
            message="is needed to send metrics and user activities; it is the UUID of your tenant",
        )
    return connection.tenant_token


def _basic(user: str) -> Authorization:
    return Authorization("Basic " + base64.b64encode(f"{user}:".encode()).decode())
