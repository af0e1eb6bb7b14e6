"""How to reach one tenant, checked before the first call."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planhat_api.errors import ConfigurationError
from planhat_api.settings.hosts import ANALYTICS_URL, checked_url, main_url
from planhat_api.settings.paths import path_in
from planhat_api.settings.table import CONNECTION_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_TOKEN", "Connection"]

NO_TOKEN = "is missing; make a private app in Planhat and use its token"  # noqa: S105 - says that there is none


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one tenant. Made by ``from_settings``; the settings are described in ``CONNECTION_SETTINGS``.

    Attributes:
        base_url: URL of the main API, without a slash at its end.
        analytics_url: URL of the analytics API, without a slash at its end.
        quota_file: File that shares the quota among processes; None when this process counts for itself.
    """

    api_token: str = field(repr=False)
    base_url: str = "https://api.planhat.com"
    analytics_url: str = ANALYTICS_URL
    tenant_token: str | None = field(default=None, repr=False)
    auth_method: str = "bearer"
    analytics_auth_method: str = "bearer"
    calls_per_minute: int = 200
    parallel_calls: int = 4
    quota_file: Path | None = None
    timeout_seconds: float = 60
    give_up_after_seconds: float = 120

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Connection:
        """Check settings and take their defaults. Settings that are not about the connection are passed over.

        Args:
            settings: Values by name, as in ``CONNECTION_SETTINGS``. Numbers may come as text, as they do from the
                environment.

        Raises:
            ConfigurationError: A value cannot be right. The text names the setting and what would be right, and
                never repeats a secret.
        """
        token = _token(settings)
        base_url = main_url(_text(settings, "region"), _text(settings, "base_url"))
        return cls(
            api_token=token,
            base_url=base_url,
            analytics_url=checked_url("analytics_url", _text(settings, "analytics_url") or ANALYTICS_URL),
            tenant_token=_tenant_token(settings),
            auth_method=_choice(settings, "auth_method"),
            analytics_auth_method=_choice(settings, "analytics_auth_method"),
            calls_per_minute=int(_number(settings, "calls_per_minute", 1, 9000, whole=True)),
            parallel_calls=int(_number(settings, "parallel_calls", 1, 50, whole=True)),
            quota_file=_quota_file(settings, base_url, token),
            timeout_seconds=_number(settings, "timeout_seconds", 0.1, 3600),
            give_up_after_seconds=_number(settings, "give_up_after_seconds", 0.1, 3600),
        )


def _text(settings: Mapping[str, Any], name: str) -> str | None:
    value = settings.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigurationError(setting=name, message=f"must be text, not {type(value).__name__}")
    return value.strip() or None


def _token(settings: Mapping[str, Any]) -> str:
    value = settings.get("api_token")
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(setting="api_token", message=NO_TOKEN)
    token = value.strip()
    if any(character.isspace() for character in token) or not (token.isascii() and token.isprintable()):
        raise ConfigurationError(setting="api_token", message="holds blanks or characters no token has; copy it again")
    if token.lower().startswith(("bearer:", "basic:")):
        raise ConfigurationError(setting="api_token", message="write the token alone, without Bearer or Basic")
    return token


def _tenant_token(settings: Mapping[str, Any]) -> str | None:
    text = _text(settings, "tenant_token")
    if text is None:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ConfigurationError(
            setting="tenant_token",
            message="is not a UUID (8-4-4-4-12 hexadecimal digits)",
        ) from None


def _choice(settings: Mapping[str, Any], name: str) -> str:
    schema = CONNECTION_SETTINGS[name]
    value = settings.get(name) or schema["default"]
    if value not in schema["enum"]:
        raise ConfigurationError(setting=name, message=f"must be one of {', '.join(schema['enum'])}")
    return str(value)


def _number(settings: Mapping[str, Any], name: str, least: float, most: float, *, whole: bool = False) -> float:
    value = settings.get(name)
    if value is None or value == "":
        value = CONNECTION_SETTINGS[name]["default"]
    kind = "a whole number" if whole else "a number"
    wanted = f"must be {kind} from {least:g} to {most:g}"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ConfigurationError(setting=name, message=wanted)
    try:
        number = float(value)
    except (OverflowError, ValueError):
        raise ConfigurationError(setting=name, message=wanted) from None
    if not least <= number <= most or (whole and number != int(number)):
        raise ConfigurationError(setting=name, message=wanted)
    return number


def _quota_file(settings: Mapping[str, Any], base_url: str, token: str) -> Path | None:
    value = settings.get("quota_file")
    if value is None:
        name = hashlib.sha256(f"{base_url}\n{token}".encode()).hexdigest()[:20]
        return _cache_folder() / "planhat" / f"quota-{name}.sqlite"
    text = _text(settings, "quota_file")
    return path_in("quota_file", text) if text else None


def _cache_folder() -> Path:
    named = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(named) if named else Path.home() / ".cache"
