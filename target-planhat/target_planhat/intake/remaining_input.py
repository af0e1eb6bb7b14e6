"""Counts the records that remain in the input after an error. This also protects the tap from a broken pipe."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from target_planhat.errors import InputError
from target_planhat.intake.messages import RecordMessage, read_message
from target_planhat.intake.timer import run_every, timers_available
from target_planhat.record_line import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["RemainingRecords", "count_remaining"]

_MOST_SECONDS = 5.0
"""How long to continue reading. It is short, because each page that the tap reads meanwhile is a wasted call."""
_TICK = 0.1
_QUIET_TICKS = 3
"""After this many ticks without a line, the tap waits for its source. Then a closed pipe does no harm."""


class _Head(msgspec.Struct):
    type: str
    stream: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = ""


class _StopReadingError(Exception):
    """Stops reading."""


@dataclass
class RemainingRecords:
    """The remaining records of the input.

    Attributes:
        records: Number of records of each stream.
        is_whole: Whether the input was read to its end and all records are counted.
    """

    records: Counter[str] = field(default_factory=Counter)
    is_whole: bool = False


def count_remaining(
    lines: Iterable[bytes | str], *, is_waiting: bool, is_enough: Callable[[], bool]
) -> RemainingRecords:
    """Count the remaining records, until the input ends, no line comes for a moment, or some seconds have passed.

    Args:
        lines: The remaining lines.
        is_waiting: Whether reading the next line may have to wait.
        is_enough: Whether to stop for another reason.
    """
    rest = RemainingRecords()
    if is_waiting and not timers_available():
        return rest
    clock = _Clock(is_enough)
    has_batches = False
    try:
        with run_every(_TICK, clock.tick):
            for line in lines:
                clock.lines += 1
                stream, is_batch = _record_or_batch(line)
                has_batches = has_batches or is_batch
                if stream is not None:
                    rest.records[stream] += 1
    except _StopReadingError:
        return rest
    rest.is_whole = not has_batches
    return rest


class _Clock:
    """Checks at regular intervals whether lines still come.

    Attributes:
        lines: Number of lines so far.
    """

    def __init__(self, is_enough: Callable[[], bool]) -> None:
        self._end = time.monotonic() + _MOST_SECONDS
        self._is_enough = is_enough
        self._seen = -1
        self._quiet = 0
        self.lines = 0

    def tick(self) -> None:
        """Check whether to stop.

        Raises:
            _StopReadingError: It is time to stop.
        """
        self._quiet = self._quiet + 1 if self.lines == self._seen else 0
        self._seen = self.lines
        if self._quiet >= _QUIET_TICKS or time.monotonic() > self._end or self._is_enough():
            raise _StopReadingError


def _record_or_batch(line: bytes | str) -> tuple[str | None, bool]:
    """The stream of the record in a line, if there is one; and whether the line is a BATCH with more records."""
    try:
        head = msgspec.json.decode(line, type=_Head)
    except UNREADABLE:
        try:
            message = read_message(line if isinstance(line, bytes) else line.encode(errors="surrogatepass"), "")
        except InputError:
            return None, False
        return (message.stream if isinstance(message, RecordMessage) else None), False
    return (head.stream or None if head.type == "RECORD" else None), head.type == "BATCH"
