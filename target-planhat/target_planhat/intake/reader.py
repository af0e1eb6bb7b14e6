"""Reads Singer messages as bytes, without decoding their records."""

from __future__ import annotations

import io
import sys
from collections import Counter
from contextlib import nullcontext
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_planhat.intake.messages import BYTE_ORDER_MARK, KINDS, read_message
from target_planhat.intake.plan_input import is_plan, read_plan
from target_planhat.intake.remaining_input import RemainingRecords, count_remaining
from target_planhat.intake.timer import run_every

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from target_planhat.plan_header import PlanHeader

    Callbacks = dict[str, Callable[[Any], None]]

__all__ = ["MessageReader"]

_BUFFER = 1 << 18


class MessageReader(GenericSingerReader[bytes]):
    """Reads messages from the input.

    Attributes:
        handled: How many of the current lines are records that the summary counts.
        waiting: Whether the reader waits for input and no message is being handled.
        watch: An interval and a function, which is called before each wait, and at this interval during the run.
        shortcut: Gets lines and a place. Handles as many messages from there on as it can, and returns their number.
        on_plan: Called with the header if the input is a plan, before its first message is handled.
    """

    def __init__(self) -> None:
        """Start before the first message."""
        super().__init__()
        self.handled = 0
        self.waiting = False
        self._left: tuple[Sequence[bytes], int] = [], 0
        self._source: Iterable[bytes] = ()
        self.shortcut: Callable[[Sequence[bytes], int], int] | None = None
        self.watch: tuple[float, Callable[[], None]] | None = None
        self.on_plan: Callable[[PlanHeader], None] = lambda _: None

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input.

        Raises:
            OSError: Standard input is closed.
        """
        if sys.stdin is None:
            message = "standard input is closed"
            raise OSError(message)
        return open(sys.stdin.fileno(), "rb", buffering=_BUFFER, closefd=False)  # others may use it

    def process_lines(self, file_input: IO[Any] | None, callbacks: Callbacks) -> Counter[str]:
        """Call the callback of its type with each message.

        Raises:
            InputError: A line is not a Singer message.
        """
        counter: Counter[str] = Counter()
        number = 0
        for lines in self._chunks(file_input or self.default_input):
            if number == 0:
                lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
                if is_plan(lines[0]):
                    plan = read_plan(lines, self._source)
                    try:
                        self.on_plan(plan.header)
                    except BaseException:
                        plan.messages.close()
                        raise
                    # After an error in the messages, their rest is still counted.
                    counter = self.process_lines(plan.messages, callbacks)
                    plan.messages.close()
                    return counter
            place = 0
            while place < len(lines):
                self._left = lines, place
                self.handled = 0
                handled = self.shortcut(lines, place) if self.shortcut is not None else 0
                place += handled
                counter["RECORD"] += handled
                if place < len(lines) and not handled:
                    self._handle(number + place + 1, lines[place], callbacks, counter)
                    place += 1
            number += len(lines)
        self._left, self.handled, self._source = ([], 0), 0, ()
        return counter

    def count_remaining(self, is_enough: Callable[[], bool]) -> RemainingRecords:
        """Count the records that were not handled before an error. See `remaining_input`.

        Args:
            is_enough: Whether to stop for another reason.
        """
        self.waiting = False
        lines, place = self._left
        left = chain(islice(lines, place + self.handled, None), self._source)
        return count_remaining(left, is_waiting=isinstance(self._source, io.BufferedReader), is_enough=is_enough)

    def _chunks(self, source: IO[Any]) -> Iterator[list[bytes]]:
        """The lines of the input, as many at once as can be read without waiting."""
        binary = getattr(source, "buffer", source)
        if isinstance(binary, io.BytesIO):
            binary = io.BufferedReader(cast("io.RawIOBase", binary), _BUFFER)
        if not isinstance(binary, io.BufferedReader):
            # Text that is not valid Unicode becomes bytes that are not valid UTF-8, so that the error is reported.
            self._source = (line if isinstance(line, bytes) else line.encode(errors="surrogatepass") for line in source)
            yield from ([line] for line in self._source)
            return
        self._source = binary
        with run_every(*self.watch) if self.watch else nullcontext():
            yield from self._chunks_of(binary)

    def _chunks_of(self, binary: io.BufferedReader) -> Iterator[list[bytes]]:
        while True:
            self.waiting = True
            if self.watch is not None:
                self.watch[1]()
            end = binary.peek(1).rfind(b"\n")
            # `readlines` stops at the line that exceeds this number of bytes, so it reads only what is available. If
            # there is no complete line, `readline` waits for the rest of it or for the end of the input.
            lines = binary.readlines(end) if end > 0 else [line] if (line := binary.readline()) else []
            self.waiting = False
            if not lines:
                return
            yield lines

    def _handle(self, number: int, line: bytes, callbacks: Callbacks, counter: Counter[str]) -> None:
        """Call the callback of one message."""
        if not line.strip():
            return
        message = read_message(line, f"line {number} of the input")
        kind = KINDS[type(message)]
        callbacks[kind](message)
        counter[kind] += 1

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """A message as a JSON object. The SDK's interface requires this method."""
        return msgspec.json.decode(line, type=dict[str, Any])
