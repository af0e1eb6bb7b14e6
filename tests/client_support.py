"""A client on a sandbox, for the contract tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from planhat_api import Connection, PlanhatClient
from planhat_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

UNLIMITED = {"calls_per_minute": 0, "calls_per_second": 0}


def settings_for(box: Sandbox, **settings: Any) -> dict[str, Any]:
    return {
        "api_token": box.api_token,
        "tenant_token": box.tenant_token,
        "base_url": box.url,
        "analytics_url": box.analytics_url,
        "quota_file": "",
        "calls_per_minute": 9000,
        "give_up_after_seconds": 3,
        "timeout_seconds": 5,
        **settings,
    }


@contextmanager
def client_on(box: Sandbox, **settings: Any) -> Iterator[PlanhatClient]:
    with PlanhatClient(Connection.from_settings(settings_for(box, **settings))) as client:
        yield client


@contextmanager
def sandbox(**options: Any) -> Iterator[Sandbox]:
    switches = {**UNLIMITED, **options.pop("switches", {})}
    with Sandbox(**{"companies": 4, "seed": 3, "days": 5, "switches": switches, **options}) as box:
        yield box
