"""Where the lines go that programs log."""

import re
import sys
from logging import ERROR, WARNING

import dagster as dg

__all__ = ["StepLog"]

_LEVELS = {"WARNING": WARNING, "ERROR": ERROR, "CRITICAL": ERROR}
_LINE = re.compile(r"[-0-9 :,.]+\| (WARNING|ERROR|CRITICAL) *\| [^|]*\| (.*)")


class StepLog:
    """Passes lines on: all of them to standard error, which Dagster keeps as the log of the step.

    Warnings and errors of the tap are events of the run too. Other lines are not, because each event is a row in the
    database of Dagster. Those of loaders are not either, because they may hold rows.
    """

    def __init__(self, log: dg.DagsterLogManager) -> None:
        """Use the log of a run."""
        self._log = log

    def __call__(self, stage: str, line: str) -> None:
        """Pass a line of a program on."""
        sys.stderr.write(f"{stage}: {line}\n")
        if stage == "tap" and (found := _LINE.fullmatch(line)):
            self._log.log(_LEVELS[found[1]], "%s: %s", stage, found[2])
