"""Reads on when a run has ended early: counts the records that nobody handles, and spares the tap a broken pipe."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from target_planhat.errors import InputError
from target_planhat.intake.alarm import alarm, can_wake
from target_planhat.intake.messages import RecordMessage, read_message
from target_planhat.record_line import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Rest", "read_rest"]

_MOST_SECONDS = 5.0
"""How long to read on: each page that the tap reads meanwhile costs a call for nothing."""
_TICK = 0.1
_QUIET_TICKS = 3
"""After so many without a line the tap waits for its source, and sees in peace that nobody reads."""


class _Head(msgspec.Struct):
    type: str
    stream: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = ""


class _OverError(Exception):
    """It is time to stop."""


@dataclass
class Rest:
    """What was left of the input.

    Attributes:
        records: How many records of each stream came.
        is_whole: Whether the input was read to its end, and all in it counted.
    """

    records: Counter[str] = field(default_factory=Counter)
    is_whole: bool = False


def read_rest(lines: Iterable[bytes | str], *, is_waiting: bool, is_enough: Callable[[], bool]) -> Rest:
    """Count what is left of the input, until it ends, or the tap is quiet for a moment, or some seconds are over.

    Args:
        lines: What is left.
        is_waiting: Whether the next line may take time to come.
        is_enough: Whether something else asks to stop.
    """
    rest = Rest()
    if is_waiting and not can_wake():
        return rest
    clock = _Clock(is_enough)
    has_batches = False
    try:
        with alarm(_TICK, clock.tick):
            for line in lines:
                clock.lines += 1
                stream, is_batch = _look(line)
                has_batches = has_batches or is_batch
                if stream is not None:
                    rest.records[stream] += 1
    except _OverError:
        return rest
    rest.is_whole = not has_batches
    return rest


class _Clock:
    """Looks now and then whether lines still come.

    Attributes:
        lines: How many came.
    """

    def __init__(self, is_enough: Callable[[], bool]) -> None:
        self._end = time.monotonic() + _MOST_SECONDS
        self._is_enough = is_enough
        self._seen = -1
        self._quiet = 0
        self.lines = 0

    def tick(self) -> None:
        """Look.

        Raises:
            _OverError: It is time to stop.
        """
        self._quiet = self._quiet + 1 if self.lines == self._seen else 0
        self._seen = self.lines
        if self._quiet >= _QUIET_TICKS or time.monotonic() > self._end or self._is_enough():
            raise _OverError


def _look(line: bytes | str) -> tuple[str | None, bool]:
    """The stream of a record, if the line is one; and whether it names files with more of them."""
    try:
        head = msgspec.json.decode(line, type=_Head)
    except UNREADABLE:
        try:
            message = read_message(line if isinstance(line, bytes) else line.encode(errors="surrogatepass"), "")
        except InputError:
            return None, False
        return (message.stream if isinstance(message, RecordMessage) else None), False
    return (head.stream or None if head.type == "RECORD" else None), head.type == "BATCH"
