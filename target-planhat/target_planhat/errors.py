"""What ends a run early, and how it is told."""

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

__all__ = ["KNOWN_ERRORS", "InputError", "RejectsError", "SettingsError", "StopError", "quoted", "tell"]

_LONGEST_NAME = 100


class StopError(exit_codes.StopError):
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

    code = ExitCode.SETTINGS


class RejectsError(StopError):
    """More rows were rejected than the policy allows."""

    code = ExitCode.REJECTS


class InputError(StopError):
    """A message that is not Singer."""

    code = ExitCode.INPUT


KNOWN_ERRORS = (
    StopError,
    PlanhatError,
    OutputError,
    ConfigValidationError,
    MappingError,
    RecordsWithoutSchemaException,
)
"""Errors that end a run with a line that says why, not with a trace."""


def quoted(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name that came from elsewhere, for a message; a very long one is cut."""
    return repr(name) if len(name) <= longest else f"{name[:longest]!r}… ({len(name)} characters)"


def tell(err: Exception, logger: logging.Logger) -> None:
    """Log why the run ended. The text says it all, a trace would only hide it."""
    for text in getattr(err, "errors", None) or [str(err)]:
        logger.error("%s", words_for(text))
