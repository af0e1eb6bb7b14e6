"""Runs a target to its end: whatever ends the run early is told in one line, and has its exit code."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from planhat_api.plugin.exit_codes import ExitCode, exit_code
from target_planhat.early_end import listen, spare_tap
from target_planhat.errors import KNOWN_ERRORS, tell

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_planhat.sdk_hooks import HookedTarget

__all__ = ["run_to_its_end"]


def run_to_its_end(make: Callable[[], HookedTarget], file_input: IO[str] | None, logger: logging.Logger) -> int:
    """The exit code of a run.

    Args:
        make: Makes the target.
        file_input: What it reads; None for standard input.
        logger: Told why the run ends early.

    Raises:
        SystemExit: A signal ended the run, and nothing is left to be sent.
    """
    try:
        target = make()
    except KNOWN_ERRORS as err:
        spare_tap(file_input)
        tell(err, logger)
        return exit_code(err)
    ended: Exception | None = None
    try:
        ended = listen(target, file_input)
    finally:
        late = target.run.close()
    if ended is not None:
        # Last of all: what stands in the middle of a log is not found.
        tell(ended, logger)
    code = next((exit_code(err) for err in (ended, late) if err is not None), ExitCode.DONE)
    return target.termination.code_of_run(code, target.run.pending)
