"""Values that are read from the environment when a run starts, and stand in no definition."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FromEnvironment", "MissingVariableError", "for_tenant", "known", "names_in", "with_values"]

_TENANT = "{tenant}"
_TENANT_UPPER = "{TENANT}"


class MissingVariableError(Exception):
    """The environment of the worker lacks a variable."""


@dataclass(frozen=True)
class FromEnvironment:
    """The value of an environment variable of the worker.

    Attributes:
        name: Name of the variable.
    """

    name: str

    def read(self, environment: Mapping[str, str]) -> str:
        """The value.

        Raises:
            MissingVariableError: There is no such variable, or it is empty.
        """
        value = environment.get(self.name)
        if not value:
            host = platform.node()
            message = f"the environment variable {self.name} is not set on {host}, where this run takes place"
            raise MissingVariableError(message)
        return value


def known(value: Any) -> Any:  # noqa: ANN401 -- settings have values of every type
    """Settings in which each variable is a ``FromEnvironment``, also if it was given as ``EnvVar`` of Dagster."""
    name = getattr(value, "env_var_name", None)
    if isinstance(name, str):
        return FromEnvironment(name)
    if isinstance(value, Mapping):
        return {name: known(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [known(each) for each in value]
    return value


def for_tenant(value: Any, tenant: str) -> Any:  # noqa: ANN401 -- settings have values of every type
    """Settings with the name of the tenant in place of ``{tenant}``, in all texts at any depth.

    In names of variables, ``{TENANT}`` is the name in capital letters, with ``_`` for what such a name cannot have.
    """
    if isinstance(value, FromEnvironment):
        upper = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in tenant.upper())
        return FromEnvironment(value.name.replace(_TENANT_UPPER, upper).replace(_TENANT, tenant))
    if isinstance(value, str):
        return value.replace(_TENANT, tenant)
    if isinstance(value, dict):
        return {name: for_tenant(each, tenant) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_tenant(each, tenant) for each in value]
    return value


def with_values(value: Any, environment: Mapping[str, str]) -> Any:  # noqa: ANN401 -- as above
    """Settings with the values of the variables.

    Raises:
        MissingVariableError: A variable is missing.
    """
    if isinstance(value, FromEnvironment):
        return value.read(environment)
    if isinstance(value, dict):
        return {name: with_values(each, environment) for name, each in value.items()}
    if isinstance(value, list):
        return [with_values(each, environment) for each in value]
    return value


def names_in(value: Any) -> Iterator[str]:  # noqa: ANN401 -- as above
    """Names of all variables in settings."""
    if isinstance(value, FromEnvironment):
        yield value.name
    elif isinstance(value, dict):
        for each in value.values():
            yield from names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each)
