"""Starts the command and ends it: before and after the work a signal ends the process without a trace."""

from __future__ import annotations

# What lies below ``signal``, which itself takes longer to import than all that comes before it.
import _signal  # type: ignore[import-not-found]
import gc
import os
import sys

__all__ = ["main"]

_SIGNALS = 128
_SETTINGS = 2


def main() -> None:
    """Run the command of the target, which has the signals while there is something to be ended in order."""
    _end_by_signals()
    # Importing it takes half a second, and all of it stays: looking for garbage meanwhile would take an eighth more.
    gc.disable()
    from target_planhat.target import TargetPlanhat  # noqa: PLC0415 - signals come first

    gc.enable()

    try:
        # To read this sets up the log.
        command = TargetPlanhat.cli
    except Exception as error:  # noqa: BLE001 - errors of YAML are of many kinds
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
