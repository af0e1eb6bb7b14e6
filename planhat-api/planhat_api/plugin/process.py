"""Sets a process up for rows that pass through by the thousand."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

if sys.platform == "linux":
    import fcntl

__all__ = ["expect_many_rows"]

_OBJECTS_BETWEEN_LOOKS = 100_000
_MEMORY_OPTIONS = {
    -8: 1,  # M_ARENA_MAX
    -3: 32 << 20,  # M_MMAP_THRESHOLD
    -1: 256 << 20,  # M_TRIM_THRESHOLD
}
"""Numbers and values for ``mallopt``, as in glibc's malloc.h."""
_PIPE_SIZE = 1 << 20
"""The most that Linux grants without privileges."""


def expect_many_rows(descriptor: int) -> None:
    """Spend less on memory management and on waiting: for a command that owns its process and has no threads yet.

    Rows hold no circles of references: looking for some as often as Python does by itself costs up to a tenth of a run.
    The GNU C library gives each thread a heap of its own, and each grows to hold the largest answers its thread ever
    received: one heap for all takes a quarter less memory. It also hands large pieces back to the system at once and
    asks for them again with the next page, which costs a twentieth of a run. Both ends of a pipe wait less for one
    another when it holds more.

    Args:
        descriptor: Where the rows come from or go to; need not be a pipe.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 20, 20)
    if sys.platform == "linux":
        # Other C libraries do without this call.
        with suppress(AttributeError):
            set_option = ctypes.CDLL(None).mallopt
            for option, value in _MEMORY_OPTIONS.items():
                set_option(option, value)
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
