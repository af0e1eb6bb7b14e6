"""What still happens when a run ends before its input does: no row that was read is left behind without a word."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError, MappingError, RecordsWithoutSchemaException

from target_planhat.errors import KNOWN_ERRORS, RejectsError, StopError, tell
from target_planhat.intake.reader import MessageReader
from target_planhat.intake.remaining_input import read_rest

if TYPE_CHECKING:
    from typing import IO

    from target_planhat.sdk_hooks import HookedTarget

__all__ = ["listen", "spare_tap"]

_NOT_OF_PLANHAT = (StopError, ConfigValidationError, MappingError, RecordsWithoutSchemaException)
"""Errors after which Planhat takes rows as before."""


def listen(target: HookedTarget, file_input: IO[str] | None) -> Exception | None:
    """Read the input to its end, or until the run must end.

    Args:
        target: The target.
        file_input: What it reads; None for standard input.

    Returns:
        Why the run ends early, once all that can go out is out, and what is unsent is counted.
    """
    try:
        target.listen(file_input)
    except KNOWN_ERRORS as err:
        is_settled = target.run.dispatcher.settle_safely()
        if is_settled and isinstance(err, _NOT_OF_PLANHAT):
            _send_in_hand(target, err)
        _count_unread(target)
        return _with_last_numbers(target, err)
    target.run.ledger.summary.is_whole = True
    return None


def spare_tap(file_input: IO[str] | None) -> None:
    """Read on for a moment when there is no target, so that the tap is not stopped by a broken pipe."""
    # Standard input may be closed, or something that only tests know.
    with suppress(OSError, ValueError):
        read_rest(file_input or MessageReader().default_input, is_waiting=True, is_enough=lambda: False)


def _send_in_hand(target: HookedTarget, err: Exception) -> None:
    """Send the rows that wait in batches, parents first.

    The next run brings them again, since STATE stays before them. So rows that Planhat adds each time they come go out
    only if the policy ended the run, which promises it.
    """
    try:
        target.run.dispatcher.send_batches_in_hand(repeatable_only=not isinstance(err, RejectsError))
    except KNOWN_ERRORS as later:
        tell(later, target.logger)


def _count_unread(target: HookedTarget) -> None:
    """Count the records that wait for the columns of their stream, and those that nobody has looked at."""
    summary = target.run.ledger.summary
    for message in target.undeclared.early:
        summary.take(message.stream)
    rest = target.reader.read_rest(lambda: target.termination.requested)
    for stream, number in rest.records.items():
        summary.take(stream, number)
    summary.is_whole = rest.is_whole


def _with_last_numbers(target: HookedTarget, err: Exception) -> Exception:
    """The error; that of the policy with the numbers that hold now that all is out."""
    if isinstance(err, RejectsError):
        try:
            target.run.ledger.judge(at_end=True)
        except RejectsError as last:
            return last
        except KNOWN_ERRORS:
            # It is told when the files are closed.
            return err
    return err
