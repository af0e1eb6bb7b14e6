"""Makes object ids, which have 24 hexadecimal characters and sort by their time (B45)."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from planhat_sandbox.clock import Clock

__all__ = ["IdMaker", "id_tag"]


def id_tag(kind: str, seed: int) -> str:
    """The middle ten characters of the ids of one kind of row."""
    return f"{crc32(kind.encode()):08x}{seed & 0xFF:02x}"


class IdMaker:
    """Makes ids for new rows, which sort after all seeded ones."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock for the time in the ids."""
        self._clock = clock
        self._counter = count(1)

    def make(self) -> str:
        """A new id."""
        return f"{int(self._clock.now().timestamp()):08x}5a4d000000{next(self._counter):06x}"
