"""Tunes a process that handles many rows."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

if sys.platform == "linux":
    import fcntl

__all__ = ["tune_for_many_rows"]

_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_MEMORY_OPTIONS = {
    -8: 1,  # M_ARENA_MAX
    -3: 32 << 20,  # M_MMAP_THRESHOLD
    -1: 256 << 20,  # M_TRIM_THRESHOLD
}
"""Numbers and values for ``mallopt``, as in glibc's malloc.h."""
_PIPE_SIZE = 1 << 20
"""The most that Linux grants without privileges."""


def tune_for_many_rows(descriptor: int) -> None:
    """Reduce the time for memory management and pipes. Only for a command that owns its process, before it has threads.

    Rows contain no reference cycles, but Python's default garbage collection searches them so often that it takes up to
    a tenth of a run. The GNU C library gives each thread its own heap, which grows to the size of the largest answers
    of its thread: a single heap needs a quarter less memory. The library also returns large blocks to the system
    immediately and allocates them again for the next page, which takes a twentieth of a run. With a larger pipe, its
    two ends wait less for each other.

    Args:
        descriptor: File descriptor of the input or output with the rows, which may be a pipe.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 20)
    if sys.platform == "linux":
        # Other C libraries do not have this function.
        with suppress(AttributeError):
            set_option = ctypes.CDLL(None).mallopt
            for option, value in _MEMORY_OPTIONS.items():
                set_option(option, value)
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
