"""Reads Singer messages as bytes and leaves the records undecoded."""

from __future__ import annotations

import io
import sys
from collections import Counter
from contextlib import nullcontext
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_planhat.intake.alarm import alarm
from target_planhat.intake.messages import BYTE_ORDER_MARK, KINDS, read_message
from target_planhat.intake.remaining_input import Rest, read_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Callbacks = dict[str, Callable[[Any], None]]

__all__ = ["MessageReader"]

_BUFFER = 1 << 18


class MessageReader(GenericSingerReader[bytes]):
    """Reader of messages.

    Attributes:
        taken: How many of the lines at hand are records that are in the books.
        waiting: Whether the reader waits for input, and no message is being handled.
        watch: Called before the reader waits, and every so many seconds as long as messages come.
        shortcut: Given lines and a place, handles as many messages from there on as it can; tells how many.
    """

    def __init__(self) -> None:
        """Stand before the first message."""
        super().__init__()
        self.taken = 0
        self.waiting = False
        self._left: tuple[Sequence[bytes], int] = [], 0
        self._source: Iterable[bytes] = ()
        self.shortcut: Callable[[Sequence[bytes], int], int] | None = None
        self.watch: tuple[float, Callable[[], None]] | None = None

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input.

        Raises:
            OSError: It is closed.
        """
        if sys.stdin is None:
            message = "standard input is closed"
            raise OSError(message)
        return open(sys.stdin.fileno(), "rb", buffering=_BUFFER, closefd=False)  # not ours to close

    def process_lines(self, file_input: IO[Any] | None, callbacks: Callbacks) -> Counter[str]:
        """Hand each message to the callback of its type.

        Raises:
            InputError: A line is not a Singer message.
        """
        counter: Counter[str] = Counter()
        number = 0
        for lines in self._chunks(file_input or self.default_input):
            if number == 0:
                lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
            place = 0
            while place < len(lines):
                self._left = lines, place
                self.taken = 0
                taken = self.shortcut(lines, place) if self.shortcut is not None else 0
                place += taken
                counter["RECORD"] += taken
                if place < len(lines) and not taken:
                    self._handle(number + place + 1, lines[place], callbacks, counter)
                    place += 1
            number += len(lines)
        self._left, self.taken, self._source = ([], 0), 0, ()
        return counter

    def read_rest(self, is_enough: Callable[[], bool]) -> Rest:
        """Count the records that were not handled when an error ended the reading; see `rest`.

        Args:
            is_enough: Whether something asks to stop.
        """
        self.waiting = False
        lines, place = self._left
        left = chain(islice(lines, place + self.taken, None), self._source)
        return read_rest(left, is_waiting=isinstance(self._source, io.BufferedReader), is_enough=is_enough)

    def _chunks(self, source: IO[Any]) -> Iterator[list[bytes]]:
        """Lines as they come, as many at a time as there are without waiting."""
        binary = getattr(source, "buffer", source)
        if isinstance(binary, io.BytesIO):
            binary = io.BufferedReader(cast("io.RawIOBase", binary), _BUFFER)
        if not isinstance(binary, io.BufferedReader):
            # A text that is no Unicode becomes bytes that are no UTF-8, which are told as such.
            self._source = (line if isinstance(line, bytes) else line.encode(errors="surrogatepass") for line in source)
            yield from ([line] for line in self._source)
            return
        self._source = binary
        with alarm(*self.watch) if self.watch else nullcontext():
            yield from self._chunks_of(binary)

    def _chunks_of(self, binary: io.BufferedReader) -> Iterator[list[bytes]]:
        while True:
            self.waiting = True
            if self.watch is not None:
                self.watch[1]()
            end = binary.peek(1).rfind(b"\n")
            # `readlines` stops at the line that goes beyond this number of bytes, so it takes what is there and no
            # more. Without a whole line the next one is on its way, or the input is over.
            lines = binary.readlines(end) if end > 0 else [line] if (line := binary.readline()) else []
            self.waiting = False
            if not lines:
                return
            yield lines

    def _handle(self, number: int, line: bytes, callbacks: Callbacks, counter: Counter[str]) -> None:
        """Hand one message on."""
        if not line.strip():
            return
        message = read_message(line, f"line {number} of the input")
        kind = KINDS[type(message)]
        callbacks[kind](message)
        counter[kind] += 1

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """A message as any JSON object; the SDK's interface asks for it."""
        return msgspec.json.decode(line, type=dict[str, Any])
