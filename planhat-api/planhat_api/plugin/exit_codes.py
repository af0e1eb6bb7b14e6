"""The exit codes of tap and target."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from planhat_api.errors import (
    AccessError,
    ConfigurationError,
    CredentialsError,
    NotFoundError,
    RateLimitError,
    UnavailableError,
    UnknownHostError,
)
from planhat_api.plugin.output import ClosedOutputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SDK_CODES", "SIGNALS", "ExitCode", "StopError", "exit_code"]

SIGNALS = 128
"""A run that a signal ended has the exit code of this plus the number of the signal, as usual in a shell."""


class ExitCode(IntEnum):
    """How a run ended; docs/exit-codes.md describes the codes for users."""

    DONE = 0
    """Everything was read; every row was delivered, or rejected as the policy allows."""
    FAULT = 1
    """An error in the tap or target itself, or the reader of its output has ended."""
    SETTINGS = 2
    """Wrong settings or files, a mapping that cannot work, or a model that the tenant does not have."""
    CREDENTIALS = 3
    """Planhat refuses the token, or the token lacks a permission."""
    REJECTS = 4
    """More rows were rejected than the policy allows."""
    UNAVAILABLE = 5
    """Planhat could not be reached, failed, or answered that the quota is used up."""
    INPUT = 6
    """The input does not consist of Singer messages."""
    OUTPUT = 7
    """The output cannot be written, for example because the disk is full."""
    CHANGES = 8
    """A plan contains changes. Only if the settings ask for this code; otherwise it is 0."""
    DRIFTED = 9
    """Rows changed in Planhat since they were planned. Only if the settings ask for this code; otherwise it is 0."""
    GUARD = 10
    """The run would change more than its settings allow."""


class StopError(Exception):
    """Ends a run early for a reason that the user can fix. The message contains no secrets."""

    code: ClassVar[ExitCode] = ExitCode.FAULT


# The first matching class counts.
_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (ClosedOutputError, ExitCode.FAULT),
    (OutputError, ExitCode.OUTPUT),
    (ConfigurationError, ExitCode.SETTINGS),
    (NotFoundError, ExitCode.SETTINGS),
    (CredentialsError, ExitCode.CREDENTIALS),
    (AccessError, ExitCode.CREDENTIALS),
    (UnknownHostError, ExitCode.SETTINGS),
    (UnavailableError, ExitCode.UNAVAILABLE),
    (RateLimitError, ExitCode.UNAVAILABLE),
)

SDK_CODES: Mapping[str, ExitCode] = {
    "ConfigurationError": ExitCode.SETTINGS,
    "DiscoveryError": ExitCode.SETTINGS,
    "MappingError": ExitCode.SETTINGS,
    "RecordsWithoutSchemaException": ExitCode.INPUT,
}
"""Codes of the SDK's errors by their names in ``singer_sdk.exceptions``, because planhat-api does not depend on it."""


def exit_code(error: BaseException) -> ExitCode:
    """The exit code of a run that ended with this error."""
    if isinstance(error, StopError):
        return error.code
    known = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    if known is not None:
        return known
    of_sdk = (kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "singer_sdk.exceptions")
    return next((SDK_CODES[name] for name in of_sdk if name in SDK_CODES), ExitCode.FAULT)
