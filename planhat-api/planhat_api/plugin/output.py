"""Tells in one line that what a command has to write cannot be written: the disk is full, the reader is gone."""

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
    """Standard output, or a file of the run, cannot be written. The text is for people."""


class ClosedOutputError(OutputError):
    """Whoever reads standard output is gone."""


def reason_of(error: OSError) -> str:
    """Why a file cannot be written, in words."""
    return error.strerror or type(error).__name__


def is_full(error: OSError) -> bool:
    """Whether a place that took files before takes no more."""
    return error.errno in _FULL


@contextmanager
def writing_output(reader: str = READER) -> Iterator[None]:
    """Write to standard output inside.

    Args:
        reader: Who reads it, for the message.

    Raises:
        OutputError: It cannot be written. What is left in its buffer is dropped.
    """
    if sys.stdout is None:
        message = "standard output cannot be written: it is closed"
        raise OutputError(message)
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            # It is about a file that has a name.
            raise
        _drop_output()
        if isinstance(error, BrokenPipeError):
            message = f"{reader} closed its input before all was written"
            raise ClosedOutputError(message) from None
        message = f"standard output cannot be written: {reason_of(error)}"
        raise OutputError(message) from None


def flush_output() -> None:
    """Write what standard output holds back. When it ends, the interpreter would do so, and fail with a trace.

    Raises:
        OutputError: It cannot be written.
    """
    if sys.stdout is not None:
        with writing_output():
            sys.stdout.flush()


def _drop_output() -> None:
    """Send what is left nowhere; the interpreter would complain about it when it ends."""
    # In its place may stand what is no file, or nothing at all.
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
