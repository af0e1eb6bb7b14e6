"""The errors that end a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError, MappingError, RecordsWithoutSchemaException

from planhat_api import PlanhatError
from planhat_api.plugin import exit_codes
from planhat_api.plugin.exit_codes import ExitCode
from planhat_api.plugin.output import OutputError
from planhat_api.plugin.settings import words_for

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

__all__ = [
    "KNOWN_ERRORS",
    "GuardError",
    "InputError",
    "RejectsError",
    "SettingsError",
    "StopError",
    "log_error",
    "quoted",
]

_LONGEST_NAME = 100


class StopError(exit_codes.StopError):
    """Ends the run. The texts are for people and contain no secret.

    Attributes:
        errors: The lines of its text. Each is logged on its own, so that no name in a text can begin a line.
    """

    def __init__(self, text: str, problems: Sequence[str] = ()) -> None:
        """Create an error with the reason and, if there are several, the single problems."""
        self.errors = [text, *(f"  {problem}" for problem in problems)]
        super().__init__("\n".join(self.errors))


class SettingsError(StopError):
    """The settings, or the columns of a stream, are wrong."""

    code = ExitCode.SETTINGS


class RejectsError(StopError):
    """More rows were rejected than max_rejects allows."""

    code = ExitCode.REJECTS


class GuardError(StopError):
    """The next batch would change more than the settings allow. Nothing of it was sent."""

    code = ExitCode.GUARD


class InputError(StopError):
    """The input is not a valid Singer message."""

    code = ExitCode.INPUT


KNOWN_ERRORS = (
    StopError,
    PlanhatError,
    OutputError,
    ConfigValidationError,
    MappingError,
    RecordsWithoutSchemaException,
)
"""Errors that end a run with a log line instead of a traceback."""


def quoted(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name from the input or the settings, quoted for a message. A very long name is cut."""
    return repr(name) if len(name) <= longest else f"{name[:longest]!r}… ({len(name)} characters)"


def log_error(err: Exception, logger: logging.Logger) -> None:
    """Log why the run ended, without a traceback."""
    for text in getattr(err, "errors", None) or [str(err)]:
        logger.error("%s", words_for(text))
