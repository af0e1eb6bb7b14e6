"""Schedules tap-planhat and target-planhat in Dagster, for many tenants and years of history.

The names are imported when they are used: what needs no Dagster can be used without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster_planhat.component import PlanhatComponent
    from dagster_planhat.definitions import planhat_definitions
    from dagster_planhat.settings import Connector, Flow, History, Tenant, Warehouse

__all__ = ["Connector", "Flow", "History", "PlanhatComponent", "Tenant", "Warehouse", "planhat_definitions"]

_MODULES = {"PlanhatComponent": "component", "planhat_definitions": "definitions"}


def __getattr__(name: str) -> object:
    """Import a name of this package."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'settings')}"), name)
