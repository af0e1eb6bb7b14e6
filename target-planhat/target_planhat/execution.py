"""Runs a target and gives its exit code. The reason of a failed run is logged in one line."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from planhat_api.plugin.exit_codes import exit_code
from target_planhat.errors import KNOWN_ERRORS, log_error
from target_planhat.failed_run import read_input, read_on_briefly

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_planhat.sdk_hooks import HookedTarget

__all__ = ["execute"]


def execute(make: Callable[[], HookedTarget], file_input: IO[str] | None, logger: logging.Logger) -> int:
    """Run a target. Return its exit code.

    Args:
        make: Creates the target.
        file_input: The input; None for standard input.
        logger: Logs why the run failed.

    Raises:
        SystemExit: A signal ended the run, and nothing is left to send.
    """
    try:
        target = make()
    except KNOWN_ERRORS as err:
        read_on_briefly(file_input)
        log_error(err, logger)
        return exit_code(err)
    error: Exception | None = None
    try:
        error = read_input(target, file_input)
    finally:
        late = target.run.close()
    if error is not None:
        # This is the last line, because an error in the middle of a log is easily missed.
        log_error(error, logger)
    code = next((exit_code(err) for err in (error, late) if err is not None), target.run.code_of_changes)
    return target.termination.code_of_run(code, target.run.pending)
