"""The settings that everything which talks to Planhat shares, as JSON Schema properties."""

from __future__ import annotations

from typing import Any

__all__ = ["CONNECTION_SETTINGS"]

CONNECTION_SETTINGS: dict[str, dict[str, Any]] = {
    "api_token": {
        "type": "string",
        "secret": True,
        "title": "API token",
        "description": "Token of a private app in Planhat. It is shown once, when made, and may what that app may.",
    },
    "tenant_token": {
        "type": ["string", "null"],
        "secret": True,
        "title": "Tenant token",
        "description": "UUID of the tenant. Needed only to send metrics and user activities.",
    },
    "region": {
        "type": ["string", "null"],
        "title": "Region",
        "description": (
            "Region of the tenant: what follows `app-` in the address of the Planhat app, e.g. `us2` for "
            "app-us2.planhat.com. Leave it out for app.planhat.com."
        ),
    },
    "base_url": {
        "type": ["string", "null"],
        "title": "Base URL",
        "description": "URL of the main API in place of the region's, e.g. https://api.planhatdemo.com for a demo.",
    },
    "analytics_url": {
        "type": ["string", "null"],
        "title": "Analytics URL",
        "description": "URL of the analytics API, which takes metrics and user activities.",
        "default": "https://analytics.planhat.com",
    },
    "auth_method": {
        "type": "string",
        "enum": ["bearer", "basic"],
        "default": "bearer",
        "title": "Authentication",
        "description": "How the main API gets the token: `bearer`, or `basic` with the token as user name.",
    },
    "analytics_auth_method": {
        "type": "string",
        "enum": ["bearer", "basic_tenant", "none"],
        "default": "bearer",
        "title": "Authentication for metrics",
        "description": (
            "How metrics are authenticated: `bearer` with the API token, `basic_tenant` with the tenant token as user "
            "name, or `none`."
        ),
    },
    "calls_per_minute": {
        "type": "integer",
        "default": 200,
        "title": "Calls per minute",
        "description": (
            "Calls that may go out in a minute, 1 to 9000. A tenant has 200: fewer leave some to other clients."
        ),
    },
    "parallel_calls": {
        "type": "integer",
        "default": 4,
        "title": "Parallel calls",
        "description": "How many calls may be on the way at once, 1 to 50.",
    },
    "quota_file": {
        "type": ["string", "null"],
        "title": "Quota file",
        "description": (
            "File through which all processes of this machine share the quota. Left out: one per host and token in "
            "the user's cache folder. Empty text: this process counts for itself."
        ),
    },
    "timeout_seconds": {
        "type": "integer",
        "default": 60,
        "title": "Timeout",
        "description": "Seconds without a sign from Planhat after which a call counts as failed.",
    },
    "give_up_after_seconds": {
        "type": "integer",
        "default": 120,
        "title": "Give up after",
        "description": "Seconds over which a failing call is repeated before the run gives up.",
    },
}
