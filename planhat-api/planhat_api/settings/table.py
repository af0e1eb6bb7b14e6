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
    quota_store: Annotated[
        str | None,
        Meta(
            description="Where processes share the calls per minute, and the pause if Planhat answers 429. A path is a "
            "file for all processes of this machine. A URL is a server for any number of machines: Redis or Valkey "
            "(`redis://…`, `rediss://…`, `valkey://…`, `valkeys://…`), or PostgreSQL (`postgresql://…`); its client is "
            "installed with the extra `redis` or `postgresql`. If it is left out, there is a file for each host and "
            "token in the user's cache folder. With an empty text, this process counts for itself.",
            extra_json_schema={"secret": True},
        ),
    ] = None
    quota_workers: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        Meta(
            description="How many processes share the quota at most. While the store cannot be used, each of them goes "
            "by `calls_per_minute` divided by this number. If it is left out, it is 1 with a file and 8 with a server.",
        ),
    ] = None
    quota_priority: Annotated[
        Literal["normal", "backfill"],
        Meta(
            description="Who goes first. The calls of a `backfill` come evenly, use nine tenths of the calls per "
            "minute, and let the calls of all `normal` processes go first.",
        ),
    ] = "normal"
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
    "quota_file": "has no effect any more: set quota_store, which takes a path, and now also the URL of a server",
}
"""Settings that no longer exist, and what to do instead, as the rest of a sentence about them."""
