"""What ends a run early, and the exit code each gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError, MappingError, RecordsWithoutSchemaException

from planhat_api import (
    AccessError,
    ConfigurationError,
    CredentialsError,
    NotFoundError,
    PlanhatError,
    RateLimitError,
    UnavailableError,
    UnknownHostError,
)
from planhat_api.plugin.output import ClosedOutputError, OutputError
from planhat_api.plugin.settings import words_for
from planhat_api.settings.table import CONNECTION_SETTINGS

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

__all__ = [
    "EXIT_CREDENTIALS",
    "EXIT_DONE",
    "EXIT_FAULT",
    "EXIT_INPUT",
    "EXIT_OUTPUT",
    "EXIT_REJECTS",
    "EXIT_SETTINGS",
    "EXIT_UNAVAILABLE",
    "KNOWN_ERRORS",
    "InputError",
    "RejectsError",
    "SettingsError",
    "StopError",
    "exit_code",
    "quoted",
    "tell",
]

EXIT_DONE = 0
"""Every row is delivered, or set aside as the policy allows."""
EXIT_FAULT = 1
"""A fault of the target itself, or the reader of its output is gone."""
EXIT_SETTINGS = 2
"""Wrong settings, or a mapping that cannot work. Nothing of the stream was sent."""
EXIT_CREDENTIALS = 3
"""Planhat refuses the token, or the token may not write."""
EXIT_REJECTS = 4
"""More rows were rejected than the policy allows."""
EXIT_UNAVAILABLE = 5
"""Planhat could not be reached, or kept failing."""
EXIT_INPUT = 6
"""What came in is not Singer."""
EXIT_OUTPUT = 7
"""What the target writes, STATE or a file, has no room."""


_LONGEST_NAME = 100


class StopError(Exception):
    """Ends the run. The texts are for people and hold no secret.

    Attributes:
        errors: What is said of it; each is logged as a line of its own, so that no name in it can begin one.
    """

    def __init__(self, text: str, problems: Sequence[str] = ()) -> None:
        """Takes why the run ends, and the single problems that make it."""
        self.errors = [text, *(f"  {problem}" for problem in problems)]
        super().__init__("\n".join(self.errors))


class SettingsError(StopError):
    """The settings, or the columns of a stream, cannot work."""


class RejectsError(StopError):
    """More rows were rejected than the policy allows."""


class InputError(StopError):
    """A message that is not Singer."""


_EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (SettingsError, EXIT_SETTINGS),
    (RejectsError, EXIT_REJECTS),
    (InputError, EXIT_INPUT),
    (ConfigValidationError, EXIT_SETTINGS),
    (MappingError, EXIT_SETTINGS),
    (RecordsWithoutSchemaException, EXIT_INPUT),
    (ClosedOutputError, EXIT_FAULT),
    (OutputError, EXIT_OUTPUT),
    (ConfigurationError, EXIT_SETTINGS),
    (NotFoundError, EXIT_SETTINGS),
    (CredentialsError, EXIT_CREDENTIALS),
    (AccessError, EXIT_CREDENTIALS),
    (UnknownHostError, EXIT_SETTINGS),
    (UnavailableError, EXIT_UNAVAILABLE),
    (RateLimitError, EXIT_UNAVAILABLE),
    (PlanhatError, EXIT_FAULT),
)

KNOWN_ERRORS = tuple(kind for kind, _ in _EXIT_CODES)
"""Errors that end a run with a line that says why, not with a trace."""


def quoted(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name that came from elsewhere, for a message; a very long one is cut."""
    return repr(name) if len(name) <= longest else f"{name[:longest]!r}… ({len(name)} characters)"


def exit_code(err: Exception) -> int:
    """The exit code of a run that ended with this error."""
    return next((code for kind, code in _EXIT_CODES if isinstance(err, kind)), EXIT_FAULT)


def tell(err: Exception, logger: logging.Logger) -> None:
    """Log why the run ended. The text says it all, a trace would only hide it."""
    may_quote = isinstance(err, ConfigValidationError)
    for text in getattr(err, "errors", None) or [str(err)]:
        logger.error("%s", _without_secret(words_for(text)) if may_quote else text)


def _without_secret(text: str) -> str:
    """What the SDK says of a setting that does not fit quotes its value."""
    for name, schema in CONNECTION_SETTINGS.items():
        if schema.get("secret") and f"config[{name!r}]" in text:
            return f"{name}: not what it must be ({schema.get('type')})"
    return text
