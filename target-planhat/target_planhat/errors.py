"""What ends a run early, and the exit code each gives."""

from __future__ import annotations

__all__ = [
    "EXIT_CREDENTIALS",
    "EXIT_FAULT",
    "EXIT_INPUT",
    "EXIT_REJECTS",
    "EXIT_SETTINGS",
    "EXIT_UNAVAILABLE",
    "InputError",
    "RejectsError",
    "SettingsError",
    "StopError",
]

EXIT_FAULT = 1
"""A fault of the target itself."""
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


class StopError(Exception):
    """Ends the run. The text is for people and holds no secret."""

    exit_code = EXIT_FAULT


class SettingsError(StopError):
    """The settings, or the columns of a stream, cannot work."""

    exit_code = EXIT_SETTINGS


class RejectsError(StopError):
    """More rows were rejected than the policy allows."""

    exit_code = EXIT_REJECTS


class InputError(StopError):
    """A message that is not Singer."""

    exit_code = EXIT_INPUT
