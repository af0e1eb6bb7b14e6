"""A client on a sandbox, for the contract tests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planhat_api import Connection, PlanhatClient
from planhat_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNLIMITED = {"calls_per_minute": 0, "calls_per_second": 0}


def settings_for(box: Sandbox, **settings: Any) -> dict[str, Any]:
    return {
        "api_token": box.api_token,
        "tenant_token": box.tenant_token,
        "base_url": box.url,
        "analytics_url": box.analytics_url,
        "quota_store": "",
        "calls_per_minute": 9000,
        "give_up_after_seconds": 3,
        "timeout_seconds": 5,
        **settings,
    }


def connection_of(settings: Mapping[str, Any]) -> Connection:
    """A connection with times as short as a test wants them, and in any proportion: settings take whole seconds."""
    times = {name: settings[name] for name in ("timeout_seconds", "give_up_after_seconds") if name in settings}
    return replace(Connection.from_settings({**settings, "timeout_seconds": None}), **times)


@contextmanager
def client_on(box: Sandbox, **settings: Any) -> Iterator[PlanhatClient]:
    with PlanhatClient(connection_of(settings_for(box, **settings))) as client:
        yield client


@contextmanager
def sandbox(**options: Any) -> Iterator[Sandbox]:
    switches = {**UNLIMITED, **options.pop("switches", {})}
    with Sandbox(**{"companies": 4, "seed": 3, "days": 5, "switches": switches, **options}) as box:
        yield box
