"""Starts the command so that a signal before or after the work ends the process without a stack trace."""

from __future__ import annotations

# The C module below ``signal``: ``signal`` itself takes longer to import than everything before it.
import _signal  # type: ignore[import-not-found]
import gc
import os
import sys

__all__ = ["main"]

_SIGNALS = 128
_SETTINGS = 2


def main() -> None:
    """Run the command of the tap, which handles the signals itself while it works."""
    _end_by_signals()
    # This import takes half a second and keeps all that it makes; the garbage collector would add an eighth.
    gc.disable()
    from tap_planhat.tap import TapPlanhat  # noqa: PLC0415 - signals come first

    gc.enable()

    try:
        # Reading this attribute sets up the log.
        command = TapPlanhat.cli
    except Exception as error:  # noqa: BLE001 - reading YAML raises many kinds of errors
        sys.stderr.write(f"LOGLEVEL or SINGER_SDK_LOG_CONFIG cannot be used: {' '.join(str(error).split())}\n")
        sys.exit(_SETTINGS)
    try:
        command()
    finally:
        _end_by_signals()


def _end_by_signals() -> None:
    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    os._exit(_SIGNALS + number)
