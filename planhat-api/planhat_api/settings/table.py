"""The settings that all programs which call Planhat share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from planhat_api.settings.hosts import ANALYTICS_URL
from planhat_api.settings.typed import properties_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONNECTION_SETTINGS", "NO_LONGER", "ConnectionSettings"]


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """The settings of the connection."""

    api_token: Annotated[
        str,
        Meta(
            title="API token",
            description="Token of a private app in Planhat. Planhat shows it once, when it is made. It has the "
            "permissions of that app.",
            extra_json_schema={"secret": True},
        ),
    ]
    tenant_token: Annotated[
        str | None,
        Meta(
            description="UUID of the tenant. It is needed only to send metrics and user activities.",
            extra_json_schema={"secret": True},
        ),
    ] = None
    region: Annotated[
        str | None,
        Meta(
            description="Region of the tenant: what follows `app-` in the address of the Planhat app, e.g. `us2` for "
            "app-us2.planhat.com. Leave it out for app.planhat.com."
        ),
    ] = None
    base_url: Annotated[
        str | None,
        Meta(
            title="Base URL",
            description="URL of the main API, for a host that has no region, e.g. https://api.planhatdemo.com for a "
            "demo tenant.",
        ),
    ] = None
    analytics_url: Annotated[
        str | None,
        Meta(title="Analytics URL", description="URL of the analytics API, which takes metrics and user activities."),
    ] = ANALYTICS_URL
    analytics_auth_method: Annotated[
        Literal["bearer", "basic_tenant", "none"],
        Meta(
            title="Authentication for metrics",
            description="How metrics are authenticated: `bearer` with the API token, `basic_tenant` with the tenant "
            "token as user name, or `none`.",
        ),
    ] = "bearer"
    calls_per_minute: Annotated[
        int,
        Meta(
            ge=1,
            le=9000,
            description="Calls that may go out in a minute. Planhat allows a tenant 200 in all: set fewer "
            "to leave some to other clients.",
        ),
    ] = 200
    parallel_calls: Annotated[int, Meta(ge=1, le=50, description="Calls that may be under way at once.")] = 4
    quota_file: Annotated[
        str | None,
        Meta(
            description="File through which all processes of this machine share the calls per minute, and the pause if "
            "Planhat answers 429. If it is left out, there is one for each host and token in the user's cache folder. "
            "With an empty text, this process counts for itself."
        ),
    ] = None
    timeout_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            title="Timeout",
            description="Seconds without a sign from Planhat after which a call counts as failed. A call that fails is "
            "repeated, where that is safe, over twice this time before the run gives up.",
        ),
    ] = 60


CONNECTION_SETTINGS: Mapping[str, Any] = properties_of(ConnectionSettings)
"""The JSON Schema of each setting."""

NO_LONGER: Mapping[str, str] = {
    "auth_method": "has no effect any more, take it out: the main API always gets the token as a bearer",
    "give_up_after_seconds": (
        "has no effect any more: set timeout_seconds, a failing call is repeated over twice that time"
    ),
}
"""Settings that no longer exist, and what to do instead, as the rest of a sentence about them."""
