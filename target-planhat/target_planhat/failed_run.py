"""Finishes a run that an error ends before the end of its input, so that each record that was read is counted."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError, MappingError, RecordsWithoutSchemaException

from target_planhat.errors import KNOWN_ERRORS, GuardError, RejectsError, StopError, log_error
from target_planhat.intake.reader import MessageReader
from target_planhat.intake.remaining_input import count_remaining

if TYPE_CHECKING:
    from typing import IO

    from target_planhat.sdk_hooks import HookedTarget

__all__ = ["read_input", "read_on_briefly"]

_PLANHAT_IS_AVAILABLE = (StopError, ConfigValidationError, MappingError, RecordsWithoutSchemaException)
"""Errors after which rows can still be sent to Planhat."""


def read_input(target: HookedTarget, file_input: IO[str] | None) -> Exception | None:
    """Process the input to its end, or until an error ends the run.

    Args:
        target: The target.
        file_input: The input; None for standard input.

    Returns:
        The error that ends the run early. Before, all rows that can be sent are sent, and unsent records are counted.
    """
    try:
        target.listen(file_input)
        target.run.finish()
    except KNOWN_ERRORS as err:
        is_delivered = target.run.dispatcher.wait_safely()
        if target.run.plan is not None:
            target.logger.warning("No plan was made, because the run ended early. Nothing was sent")
        elif is_delivered and isinstance(err, _PLANHAT_IS_AVAILABLE) and not isinstance(err, GuardError):
            _send_batches(target, err)
        _count_unread(target)
        return _with_final_numbers(target, err)
    target.run.ledger.summary.is_whole = True
    return None


def read_on_briefly(file_input: IO[str] | None) -> None:
    """Continue reading for a moment if there is no target, so that no broken pipe stops the tap."""
    # Standard input may be closed, or replaced by a test.
    with suppress(OSError, ValueError):
        count_remaining(file_input or MessageReader().default_input, is_waiting=True, is_enough=lambda: False)


def _send_batches(target: HookedTarget, err: Exception) -> None:
    """Send the rows in batches, parents first.

    They come again with the next run, because STATE is before them. So rows that Planhat adds each time they are sent
    are sent only if max_rejects ended the run, because its documentation promises it.
    """
    try:
        target.run.dispatcher.send_batches(repeatable_only=not isinstance(err, RejectsError))
    except KNOWN_ERRORS as later:
        log_error(later, target.logger)


def _count_unread(target: HookedTarget) -> None:
    """Count the records that wait for the columns of their stream, and the records that were not read yet."""
    summary = target.run.ledger.summary
    for message in target.without_columns.waiting_records:
        summary.count_read(message.stream)
    rest = target.reader.count_remaining(lambda: target.termination.requested)
    for stream, number in rest.records.items():
        summary.count_read(stream, number)
    summary.is_whole = rest.is_whole


def _with_final_numbers(target: HookedTarget, err: Exception) -> Exception:
    """The error. If max_rejects ended the run, its numbers include the rows that were sent since."""
    if isinstance(err, RejectsError):
        try:
            target.run.ledger.check_policy(at_end=True)
        except RejectsError as last:
            return last
        except KNOWN_ERRORS:
            # It is logged when the files are closed.
            return err
    return err
