"""Reads and checks the settings of the connection to a tenant."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from planhat_api.errors import ConfigurationError
from planhat_api.settings.hosts import ANALYTICS_URL, checked_url, main_url
from planhat_api.settings.paths import cache_folder
from planhat_api.settings.quota_store import address_of
from planhat_api.settings.table import ConnectionSettings
from planhat_api.settings.typed import checked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["NO_TOKEN", "Connection"]

NO_TOKEN = "is missing; create a private app in Planhat and use its token"  # noqa: S105 - says that there is none


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection to one tenant. ``from_settings`` creates it. ``ConnectionSettings`` describes the settings.

    Attributes:
        base_url: URL of the main API, without a slash at its end.
        analytics_url: URL of the analytics API, without a slash at its end.
        quota_store: File or URL of a server in which processes share the quota; None if this process counts alone.
        quota_key: Hash that stands for host and token in the store.
        quota_workers: How many processes share the quota at most; None if that is not known.
        quota_priority: Whether calls go before those of a backfill.
        timeout_seconds: Seconds without data from Planhat after which a call has failed.
        give_up_after_seconds: Seconds during which a failing call is repeated.
    """

    api_token: str = field(repr=False)
    base_url: str
    analytics_url: str
    tenant_token: str | None = field(repr=False)
    analytics_auth_method: str
    calls_per_minute: int
    parallel_calls: int
    quota_store: Path | str | None = field(repr=False)
    quota_key: str
    quota_workers: int | None
    quota_priority: Literal["normal", "backfill"]
    timeout_seconds: float
    give_up_after_seconds: float

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Connection:
        """Check settings and add their defaults. Settings that do not concern the connection are ignored.

        Args:
            settings: Values by name, as in ``ConnectionSettings``. Numbers may come as text, as they do from the
                environment.

        Raises:
            ConfigurationError: A value is wrong. The text names the setting and what is right, and contains no secret.
        """
        token = _token(settings.get("api_token"))
        given = checked(ConnectionSettings, {**settings, "api_token": token})
        base_url = main_url(_text(given.region), _text(given.base_url))
        quota_key = hashlib.sha256(f"{base_url}\n{token}".encode()).hexdigest()[:20]
        return cls(
            api_token=token,
            base_url=base_url,
            analytics_url=checked_url("analytics_url", _text(given.analytics_url) or ANALYTICS_URL),
            tenant_token=_tenant_token(_text(given.tenant_token)),
            analytics_auth_method=given.analytics_auth_method,
            calls_per_minute=given.calls_per_minute,
            parallel_calls=given.parallel_calls,
            quota_store=_quota_store(given.quota_store, quota_key),
            quota_key=quota_key,
            quota_workers=given.quota_workers,
            quota_priority=given.quota_priority,
            timeout_seconds=given.timeout_seconds,
            give_up_after_seconds=2 * given.timeout_seconds,
        )


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None


def _token(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(setting="api_token", message=NO_TOKEN)
    token = value.strip()
    if any(character.isspace() for character in token) or not (token.isascii() and token.isprintable()):
        raise ConfigurationError(setting="api_token", message="holds blanks or characters no token has; copy it again")
    if token.lower().startswith(("bearer:", "basic:")):
        raise ConfigurationError(setting="api_token", message="write the token alone, without Bearer or Basic")
    return token


def _tenant_token(text: str | None) -> str | None:
    try:
        return None if text is None else str(uuid.UUID(text))
    except ValueError:
        raise ConfigurationError(
            setting="tenant_token",
            message="is not a UUID (8-4-4-4-12 hexadecimal digits)",
        ) from None


def _quota_store(value: str | None, quota_key: str) -> Path | str | None:
    if value is None:
        return cache_folder() / "planhat" / f"quota-{quota_key}.sqlite"
    text = _text(value)
    return address_of(text) if text else None
