"""Starts the command. Before and after the run, a signal ends the process without a traceback."""

from __future__ import annotations

# The C module below ``signal``: to import ``signal`` itself takes longer than everything before it.
import _signal  # type: ignore[import-not-found]
import gc
import os
import sys

__all__ = ["main"]

_SIGNALS = 128
_SETTINGS = 2


def main() -> None:
    """Run the command of the target, which handles signals itself during the run."""
    _end_by_signals()
    # This import takes half a second and keeps all that it makes; the garbage collector would add an eighth.
    gc.disable()
    from target_planhat.target import TargetPlanhat  # noqa: PLC0415 - signals come first

    gc.enable()

    try:
        # This attribute configures the log.
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
