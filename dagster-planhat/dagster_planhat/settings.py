"""What the definitions are made of: tenants, programs, windows, flows back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_planhat.pieces.secrets import FromEnvironment, for_tenant, known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from dagster_planhat.pieces.windows import WindowSize

__all__ = ["Connector", "Flow", "History", "Tenant", "Warehouse", "check_own_places", "check_own_tokens"]

_NAME = re.compile(r"[A-Za-z0-9_]+")
_TOKEN = FromEnvironment("PLANHAT_API_TOKEN_{TENANT}")
_SECRETS = ("api_token", "tenant_token")


def _know_variables(settings: object, *names: str) -> None:
    """Make ``FromEnvironment`` of the variables among these attributes."""
    for name in names:
        object.__setattr__(settings, name, known(getattr(settings, name)))


def _checked_name(name: str, of: str) -> None:
    if not _NAME.fullmatch(name):
        message = f"the name of a {of} has letters of ASCII, digits and _ only: {name!r} has others"
        raise ValueError(message)


@dataclass(frozen=True)
class Tenant:
    """One tenant of Planhat.

    Attributes:
        name: What its assets, its pool and its tables are named after.
        api_token: The variable that holds its token; ``PLANHAT_API_TOKEN_<NAME>`` if it is left out.
        settings: Settings that tap-planhat and target-planhat share, such as ``region``.
        dimensions: Ids of dimensions whose history can be read, beside those that are found.
        streams: Its streams, if they are not those of all tenants.
    """

    name: str
    api_token: FromEnvironment = _TOKEN
    settings: Mapping[str, Any] = field(default_factory=dict)
    dimensions: Sequence[str] = ()
    streams: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Check the name, and that no token stands in the definitions.

        Raises:
            ValueError: One of them is not right.
        """
        _checked_name(self.name, "tenant")
        _know_variables(self, "api_token", "settings")
        if not isinstance(self.api_token, FromEnvironment) or any(name in self.settings for name in _SECRETS):
            message = (
                f"tokens of the tenant {self.name} have to be in the environment of the workers: name the variable, "
                "as dg.EnvVar in Python and as {env: NAME} in YAML"
            )
            raise ValueError(message)


@dataclass(frozen=True)
class Connector:
    """A command and its settings.

    In all texts, ``{tenant}`` is the name of the tenant.

    Attributes:
        command: Program and arguments.
        settings: What its ``--config`` gets. Secrets are ``FromEnvironment``, or ``dg.EnvVar``.
    """

    command: Sequence[str]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the variables."""
        _know_variables(self, "settings")


@dataclass(frozen=True)
class Warehouse:
    """Where the checks count what landed.

    Attributes:
        url: For SQLAlchemy. ``{tenant}`` is the name of the tenant.
        schema: Schema of the tables; the default one of the database if it is left out.
    """

    url: FromEnvironment | str
    schema: str | None = None

    def __post_init__(self) -> None:
        """Know the variables."""
        _know_variables(self, "url")


@dataclass(frozen=True)
class History:
    """The windows of dimension data.

    Attributes:
        start: First day. The first window is the whole week or month in which it is. Weeks begin on Monday.
        end: The day after the last one; without it, windows go on up to the present one. The last window is whole too.
        window: How many days a partition has.
        windows_per_run: Most partitions of a backfill that one run takes. Windows of one dimension that follow each
            other then take fewer calls.
        find_dimensions_days: Days before today whose points are looked at for dimensions; 0 if none are.
    """

    start: date
    end: date | None = None
    window: WindowSize = "week"
    windows_per_run: int = 1
    find_dimensions_days: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: One of them is not right.
        """
        if self.window not in {"week", "month"}:
            message = f"window is week or month, and not {self.window!r}"
            raise ValueError(message)
        if self.end is not None and self.end <= self.start:
            message = f"the end of the history, {self.end}, has to be after its start, {self.start}"
            raise ValueError(message)
        if self.windows_per_run < 1 or self.find_dimensions_days < 0:
            message = "windows_per_run is at least 1, and find_dimensions_days at least 0"
            raise ValueError(message)


@dataclass(frozen=True)
class Flow:
    """Rows that go back to Planhat.

    Attributes:
        name: What its two assets are named after.
        tap: What reads the rows: any Singer tap.
        settings: Settings of target-planhat for it.
    """

    name: str
    tap: Connector
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            ValueError: It is not right.
        """
        _checked_name(self.name, "flow")
        _know_variables(self, "settings")


def check_own_tokens(tenants: Sequence[Tenant], connectors: Sequence[Connector], flows: Sequence[Flow]) -> None:
    """Check that no tenant can be read with the token of another one.

    Names that differ in capitals only have the same variable of the token, and most loaders make one schema of both.

    Raises:
        ValueError: Two names are the same but for capitals, or tokens stand in settings that all tenants share.
    """
    names = [tenant.name for tenant in tenants]
    small = [name.lower() for name in names]
    if same := sorted({name for name in names if small.count(name.lower()) > 1}):
        message = f"there are two tenants with the name {' and '.join(same)}; capitals do not tell names apart"
        raise ValueError(message)
    shared = [*(connector.settings for connector in connectors), *(flow.settings for flow in flows)]
    if found := sorted({name for settings in shared for name in _SECRETS if name in settings}):
        message = f"{' and '.join(found)} cannot be a setting of all tenants: each tenant names the variable of its own"
        raise ValueError(message)


def check_own_places(tenants: Sequence[Tenant], loader: Connector, warehouse: Warehouse | None) -> None:
    """Check that rows of several tenants do not meet in one table, where nobody could tell whose they are.

    Raises:
        ValueError: The settings of the loader or of the warehouse are the same for all tenants.
    """
    places: dict[str, list[object]] = {"loader": [list(loader.command), dict(loader.settings)]}
    if warehouse:
        places["warehouse"] = [warehouse.url, warehouse.schema]
    for name, place in places.items():
        if len(tenants) > 1 and for_tenant(place, tenants[0].name) == for_tenant(place, tenants[1].name):
            message = (
                f"the {name} is the same for all tenants, so nobody could tell whose rows are in a table: "
                "write {tenant} in its schema, or {TENANT} in the name of a variable"
            )
            raise ValueError(message)
