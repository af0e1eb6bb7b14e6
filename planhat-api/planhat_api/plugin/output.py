"""Turns errors of writing standard output into errors with a one-line message."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ClosedOutputError", "OutputError", "flush_output", "is_full", "reason_of", "writing_output"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
READER = "The reader of standard output"


class OutputError(Exception):
    """Standard output or a file of the run cannot be written."""


class ClosedOutputError(OutputError):
    """The reader of standard output has ended."""


def reason_of(error: OSError) -> str:
    """The reason why a file cannot be written."""
    return error.strerror or type(error).__name__


def is_full(error: OSError) -> bool:
    """Whether a file cannot be written because the disk is full or defective."""
    return error.errno in _FULL


@contextmanager
def writing_output(reader: str = READER) -> Iterator[None]:
    """Handle the errors of a ``with`` block that writes to standard output.

    Args:
        reader: The reader of standard output, for the message.

    Raises:
        OutputError: Standard output cannot be written. The rest of its buffer is dropped.
    """
    if sys.stdout is None:
        message = "standard output cannot be written: it is closed"
        raise OutputError(message)
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            # The error is about another file.
            raise
        _drop_output()
        if isinstance(error, BrokenPipeError):
            message = f"{reader} closed its input before everything was written"
            raise ClosedOutputError(message) from None
        message = f"standard output cannot be written: {reason_of(error)}"
        raise OutputError(message) from None


def flush_output() -> None:
    """Flush standard output. Otherwise the interpreter does it at its end, and an error gives a stack trace.

    Raises:
        OutputError: Standard output cannot be written.
    """
    if sys.stdout is not None:
        with writing_output():
            sys.stdout.flush()


def _drop_output() -> None:
    """Redirect the rest of the buffer to nowhere; otherwise the interpreter reports an error at its end."""
    # Standard output may be replaced by an object without a file.
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
