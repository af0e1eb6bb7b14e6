"""Finds the hosts of a tenant's API (B1 to B4)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from planhat_api.errors import ConfigurationError

__all__ = ["ANALYTICS_URL", "checked_url", "main_url", "region_of"]

ANALYTICS_URL = "https://analytics.planhat.com"

_REGION = re.compile(r"[a-z]{2,}[0-9]*")
_APP_HOST = re.compile(r"(?:app|api)(?:-(?P<region>[a-z0-9]+))?\.planhat\.com")


def main_url(region: str | None, base_url: str | None) -> str:
    """URL of the main API, without a slash at its end.

    Args:
        region: What follows ``app-`` in the address of the web app (B2); None or empty for the plain host.
        base_url: URL to use instead of the region; None or empty if the region decides.

    Raises:
        ConfigurationError: One of them has a wrong form, or both are given.
    """
    if not base_url:
        return _region_url(region) if region else "https://api.planhat.com"
    if region:
        raise ConfigurationError(
            setting="region", message="leave it out when base_url is set; the URL already names the host"
        )
    return checked_url("base_url", base_url)


def _region_url(region: str) -> str:
    if _REGION.fullmatch(region):
        return f"https://api-{region}.planhat.com"
    found = _APP_HOST.search(region)
    if found and found["region"]:
        hint = f"write {found['region']}"
    elif found:
        hint = "leave it out for app.planhat.com"
    else:
        hint = "write only what follows app- in the address of your Planhat app, e.g. us2; a whole URL goes to base_url"
    raise ConfigurationError(setting="region", message=f"{region[:60]!r} is not a region; {hint}")


def region_of(host: str) -> str | None:
    """The region of a host of the API; None for other hosts."""
    found = _APP_HOST.fullmatch(host)
    return found["region"] if found else None


def checked_url(setting: str, url: str) -> str:
    """The URL without a slash at its end, if a call can be sent there.

    Raises:
        ConfigurationError: It has no scheme or host, contains a password or a query, or is the address of the web app.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(setting=setting, message="its host or port is not of the form host:port") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            setting=setting, message=f"begin it with https://, e.g. https://api-us2.planhat.com ({_shown(url)})"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            setting=setting, message="write only scheme, host and path; the token has a setting of its own"
        )
    if parts.hostname.endswith(".planhat.com"):
        if parts.scheme == "http":
            raise ConfigurationError(
                setting=setting, message="begin it with https://; a token must not travel in the clear"
            )
        if parts.hostname.startswith("app"):
            right = "api" + parts.hostname.removeprefix("app")
            raise ConfigurationError(
                setting=setting, message=f"{parts.hostname} is the web app; the API is at https://{right}"
            )
    return url.rstrip("/")


def _shown(url: str) -> str:
    without_password = url.rsplit("@", 1)[-1].split("?", 1)[0]
    return f"got {without_password[:60]!r}"
