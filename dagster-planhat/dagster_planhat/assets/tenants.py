"""What all assets of a tenant share: programs with its settings, its pool, its checks."""

import datetime as dt
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_planhat.assets.logs import StepLog
from dagster_planhat.pieces.catalog import discovered, selecting
from dagster_planhat.pieces.secrets import FromEnvironment, for_tenant, names_in
from dagster_planhat.pieces.singer import Program, Runner
from dagster_planhat.settings import Connector, Flow, History, Tenant, Warehouse

__all__ = ["DIMENSION_DATA", "TenantAssets", "TenantSet", "today"]

DIMENSION_DATA = "dimension_data"

RETRIES = dg.RetryPolicy(max_retries=3, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""A run is tried again after some 10, 20 and 40 seconds."""


@dataclass(frozen=True)
class TenantSet:
    """What all tenants have in common.

    Attributes:
        streams: Streams of models; dimension data may be one of them.
        loader: Where they go.
        tap: tap-planhat.
        target: target-planhat.
        incremental: Whether models are read incrementally.
        history: The windows of dimension data.
        warehouse: Where checks count.
        flows: What goes back to Planhat.
        plans_dir: The folder of the plans.
        retries: When a run is tried again.
        other_secrets: Variables with secrets of all tenants.
    """

    streams: Sequence[str]
    loader: Connector
    tap: Connector
    target: Connector
    incremental: bool = False
    history: History | None = None
    warehouse: Warehouse | None = None
    flows: Sequence[Flow] = ()
    plans_dir: Path | None = None
    retries: dg.RetryPolicy = field(default=RETRIES)
    other_secrets: Collection[str] = ()


@dataclass(frozen=True)
class TenantAssets:
    """The parts of which the assets of one tenant are made.

    Attributes:
        tenant: The tenant.
        shared: What all tenants have in common.
    """

    tenant: Tenant
    shared: TenantSet

    @property
    def name(self) -> str:
        """The name of the tenant."""
        return self.tenant.name

    @property
    def pool(self) -> str:
        """The pool of all runs that call Planhat for this tenant."""
        return f"planhat_{self.name}"

    @property
    def dimensions(self) -> dg.DynamicPartitionsDefinition:
        """The partitions of the dimensions of this tenant."""
        return dg.DynamicPartitionsDefinition(name=f"planhat_{self.name}_dimensions")

    @cached_property
    def streams(self) -> Sequence[str]:
        """The streams of models, each once."""
        own = self.shared.streams if self.tenant.streams is None else self.tenant.streams
        return tuple(dict.fromkeys(own))

    def key(self, *parts: str) -> dg.AssetKey:
        """The key of an asset of this tenant."""
        return dg.AssetKey([self.name, *parts])

    def tap(self, priority: str, **settings: Any) -> Program:  # noqa: ANN401 -- settings have values of every type
        """tap-planhat for this tenant.

        Args:
            priority: Whether its calls go before others: ``normal`` or ``backfill``.
            settings: Settings of this run.
        """
        given = {"api_token": self._token, **self._own(self.shared.tap.settings), **self._own(self.tenant.settings)}
        return Program(
            self._of(list(self.shared.tap.command)), {**given, "quota_priority": priority, **settings}, is_planhat=True
        )

    def target(self, flow: Flow, **settings: Any) -> Program:  # noqa: ANN401 -- as above
        """target-planhat for a flow of this tenant."""
        shared = {**self._own(self.shared.target.settings), **self._own(self.tenant.settings)}
        given = {"api_token": self._token, **shared, **self._own(flow.settings)}
        return Program(self._of(list(self.shared.target.command)), {**given, **settings}, is_planhat=True)

    @property
    def loader(self) -> Program:
        """The loader into the warehouse of this tenant."""
        return self.program(self.shared.loader)

    def program(self, connector: Connector) -> Program:
        """A program with the name of this tenant in its settings."""
        return Program(for_tenant(list(connector.command), self.name), self._own(connector.settings))

    @property
    def warehouse(self) -> Warehouse | None:
        """The warehouse of this tenant."""
        shared = self.shared.warehouse
        return Warehouse(self._of(shared.url), self._of(shared.schema)) if shared else None

    def runner(self, context: dg.AssetExecutionContext) -> Runner:
        """Runs programs and passes their logs on."""
        return Runner(dict(os.environ), StepLog(context.log), {*self.secret_names, *self.shared.other_secrets})

    def catalog(self, runner: Runner, streams: Collection[str], *, incremental: bool = False) -> Mapping[str, Any]:
        """The catalog that selects these streams."""
        command = self._of(list(self.shared.tap.command))
        offered = discovered(command, runner.child_environment(), runner.log)
        return selecting(offered, streams, incremental=incremental)

    @property
    def _token(self) -> FromEnvironment:
        token: FromEnvironment = self._of(self.tenant.api_token)
        return token

    @property
    def secret_names(self) -> Iterator[str]:
        """Variables with secrets of this tenant, and of all connectors."""
        shared = self.shared
        yield from names_in([self._token])
        if self.warehouse:
            yield from names_in(self.warehouse.url)
        connectors = [shared.loader, shared.tap, shared.target, *(flow.tap for flow in shared.flows)]
        given = [
            self.tenant.settings,
            *(each.settings for each in connectors),
            *(flow.settings for flow in shared.flows),
        ]
        for settings in given:
            yield from names_in(self._own(settings))

    def _own(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        own: dict[str, Any] = for_tenant(dict(settings), self.name)
        return own

    def _of(self, value: Any) -> Any:  # noqa: ANN401 -- a text or a variable
        return for_tenant(value, self.name)


def today() -> dt.date:
    """The present day in UTC."""
    return dt.datetime.now(dt.timezone.utc).date()
