"""The component: the same definitions, written in YAML."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import dagster as dg
from pydantic import Field

from dagster_planhat.definitions import planhat_definitions
from dagster_planhat.pieces.secrets import FromEnvironment
from dagster_planhat.settings import Connector, Flow, History, Tenant, Warehouse

__all__ = ["PlanhatComponent"]

_VARIABLE = "Secrets are variables of the environment: `{env: NAME}`."


class _Variable(dg.Model, dg.Resolvable):
    env: str = Field(description="Name of the environment variable of the workers that holds the value.")


class _Connector(dg.Model, dg.Resolvable):
    command: str | Sequence[str] = Field(description="The command, with its arguments as a list.")
    settings: Mapping[str, Any] = Field(default_factory=dict, description=f"Its settings. {_VARIABLE}")


class _Tenant(dg.Model, dg.Resolvable):
    name: str = Field(description="What its assets, pool and tables are named after: letters, digits and `_`.")
    # A text is taken here and refused by Tenant, whose message does not show it.
    api_token: _Variable | str | None = Field(
        default=None, description="The variable with its token; `PLANHAT_API_TOKEN_<NAME>` if it is left out."
    )
    settings: Mapping[str, Any] = Field(
        default_factory=dict, description="Settings that tap-planhat and target-planhat share, such as `region`."
    )
    dimensions: Sequence[str] = Field(default=(), description="Dimensions whose history can be read.")
    streams: Sequence[str] | None = Field(default=None, description="Its streams, if they are not those of all.")


class _History(dg.Model, dg.Resolvable):
    start: str = Field(description="First day, YYYY-MM-DD.")
    end: str | None = Field(default=None, description="The day after the last window; without it, up to the present.")
    window: Literal["week", "month"] = Field(default="week", description="How many days a partition has.")
    windows_per_run: int = Field(default=1, description="Most partitions of a backfill that one run takes.")
    find_dimensions_days: int = Field(default=0, description="Days before today whose points show dimensions.")


class _Warehouse(dg.Model, dg.Resolvable):
    url: str | _Variable = Field(description=f"For SQLAlchemy. {_VARIABLE}")
    schema_name: str | None = Field(default=None, description="Schema of the tables.")


class _Flow(dg.Model, dg.Resolvable):
    name: str = Field(description="What its two assets are named after.")
    tap: _Connector = Field(description="What reads the rows: any Singer tap.")
    settings: Mapping[str, Any] = Field(default_factory=dict, description="Settings of target-planhat for it.")


class PlanhatComponent(dg.Component, dg.Model, dg.Resolvable):
    """Planhat tenants into a warehouse and back, by tap-planhat and target-planhat.

    In all settings, ``{tenant}`` is the name of the tenant.
    """

    tenants: Annotated[Sequence[_Tenant], Field(description="The tenants.")]
    loader: Annotated[_Connector, Field(description="The Singer loader of the warehouse.")]
    streams: Annotated[Sequence[str], Field(default=(), description="Streams of tap-planhat.")] = ()
    history: Annotated[_History | None, Field(default=None, description="The windows of dimension data.")] = None
    warehouse: Annotated[_Warehouse | None, Field(default=None, description="Where checks count.")] = None
    flows: Annotated[Sequence[_Flow], Field(default=(), description="What goes back to Planhat.")] = ()
    plans_dir: Annotated[str | None, Field(default=None, description="Folder of plans, shared by all workers.")] = None
    schedule: Annotated[str | None, Field(default=None, description="Cron; `H` spreads the tenants.")] = None
    incremental: Annotated[bool, Field(default=False, description="Whether models are read incrementally.")] = False
    tap: Annotated[_Connector, Field(description="tap-planhat.")] = _Connector(command="tap-planhat")
    target: Annotated[_Connector, Field(description="target-planhat.")] = _Connector(command="target-planhat")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions. A relative ``plans_dir`` is meant from the root of the project."""
        return planhat_definitions(
            [_tenant(each) for each in self.tenants],
            loader=_connector(self.loader),
            streams=self.streams,
            history=_history(self.history),
            warehouse=Warehouse(_known(self.warehouse.url), self.warehouse.schema_name) if self.warehouse else None,
            flows=[Flow(each.name, _connector(each.tap), _known(each.settings)) for each in self.flows],
            plans_dir=context.project_root / self.plans_dir if self.plans_dir else None,
            schedule=self.schedule,
            incremental=self.incremental,
            tap=_connector(self.tap),
            target=_connector(self.target),
        )


def _tenant(given: _Tenant) -> Tenant:
    token = {"api_token": _known(given.api_token)} if given.api_token else {}
    return Tenant(
        given.name,
        **token,
        settings=_known(given.settings),
        dimensions=given.dimensions,
        streams=given.streams,
    )


def _history(given: _History | None) -> History | None:
    if given is None:
        return None
    return History(
        _day("start", given.start),
        _day("end", given.end) if given.end else None,
        given.window,
        given.windows_per_run,
        given.find_dimensions_days,
    )


def _day(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        message = f"history.{name} is a day such as 2026-01-31, and not {text!r}"
        raise ValueError(message) from None


def _connector(given: _Connector) -> Connector:
    command = [given.command] if isinstance(given.command, str) else given.command
    return Connector(command, _known(given.settings))


def _known(value: Any) -> Any:  # noqa: ANN401 -- settings have values of every type
    """Settings in which ``{env: NAME}`` is a variable."""
    if isinstance(value, _Variable):
        return FromEnvironment(value.env)
    if isinstance(value, Mapping):
        if value.keys() == {"env"} and isinstance(value["env"], str):
            return FromEnvironment(value["env"])
        return {name: _known(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known(each) for each in value]
    return value
