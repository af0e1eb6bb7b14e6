"""The delivery ledger of a run, for rows that Planhat adds each time they are sent."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api import OutcomeKind
from target_planhat.delivery.sent.coverage import covered_streams
from target_planhat.delivery.sent.entries import CallRecord, EntryState
from target_planhat.delivery.sent.ledger_file import LedgerFile

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from planhat_api import Outcome
    from target_planhat.clock import Clock
    from target_planhat.delivery.sent.entries import Entry
    from target_planhat.delivery.sent.ledger_file import Left

__all__ = ["DeliveryLedger"]

_MOST_SECONDS = 2 * 86_400
"""An entry that is older is void: its source has long continued, or was given up."""
_STATES = {
    OutcomeKind.ACCEPTED: EntryState.DELIVERED,
    OutcomeKind.CREATED: EntryState.DELIVERED,
    OutcomeKind.LOST: EntryState.IN_DOUBT,
    OutcomeKind.UNKNOWN: EntryState.IN_DOUBT,
}


@dataclass
class _Call:
    """A call of this run.

    Attributes:
        runs: Successive rows of one stream and with one number of STATE messages before them, and how many they are.
        states: The state of each row.
    """

    runs: list[tuple[tuple[str, int], int]]
    states: bytes

    def covered(self, covers: Callable[[tuple[str, int]], bool]) -> list[bool]:
        """Whether a STATE covers each row."""
        return [is_covered for place, number in self.runs for is_covered in [covers(place)] * number]

    def marked(self, marks: Sequence[bool], state: EntryState) -> bytes:
        """The states if the marked rows get this one. Rows that were not stored keep theirs."""
        return bytes(
            state if is_marked and found != EntryState.NOT_STORED else found
            for is_marked, found in zip(marks, self.states, strict=True)
        )


class DeliveryLedger:
    """Notes the rows of each call before and after it, until a STATE covers them.

    Attributes:
        states_read: How many STATE messages the input had so far.

    Without a file, or if it cannot be used, nothing is noted: the run goes on, and only a run that ends early may make
    the next one send rows again. The sender's thread and the main thread use it in turn.
    """

    def __init__(self, path: Path | None, clock: Clock, settle_seconds: float, logger: logging.Logger) -> None:
        """Prepare the ledger. The file is opened when the first row needs it.

        Args:
            path: The file; None for no ledger.
            clock: The clock of the run.
            settle_seconds: How long Planhat may need until points that it accepted can be read (B83).
            logger: Logger of the target.
        """
        self._path = path
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._logger = logger
        self._file: LedgerFile | None = None
        self._is_opened = False
        self._has_left = False
        self._doubts_taken = False
        self._replayed: dict[int, tuple[str, int]] = {}
        self._recent: dict[tuple[str, int], float] = {}
        self._skipped = 0
        self._state: object = None
        self._calls: dict[int, _Call] = {}
        self._closing: dict[int, list[bool]] = {}
        self._closing_replayed: list[int] = []
        self.states_read = 0

    @property
    def is_kept(self) -> bool:
        """Whether rows are noted."""
        return self._opened() is not None

    def _opened(self) -> LedgerFile | None:
        if not self._is_opened:
            self._is_opened = True
            if self._path is not None:
                self._try(self._open)
        return self._file

    def _open(self, path: Path) -> None:
        self._file = LedgerFile(path)
        now = self._clock.now()
        void = self._file.forget_older_than(now - _MOST_SECONDS, now - self._settle_seconds)
        if void:
            self._logger.warning("The delivery ledger had %s entries older than two days. They are void", void)
        self._has_left = self._file.has_left()
        self._recent = self._file.recent()

    def _try(self, use: Callable[[Any], Any]) -> Any:  # noqa: ANN401 # what it gives
        """Use the path or the file. After an error, the run goes on without the ledger."""
        try:
            return use(self._file or self._path)
        except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            if self._file is not None:
                self._file.close()
            self._file, self._has_left = None, False
            reason = "another run of this pipeline uses it" if "locked" in str(error) else str(error)
            self._logger.warning(
                "The delivery ledger %s cannot be used: %s. If this run ends early, the next one may send metrics and "
                "activities again that have arrived. Pipelines with equal settings need different values of `pipeline`",
                self._path,
                reason,
            )
            return None

    # What an earlier run left

    @property
    def has_left(self) -> bool:
        """Whether an earlier run left rows."""
        return self._opened() is not None and self._has_left

    def take(self, entries: Sequence[Entry]) -> Sequence[Left | None]:
        """For each row of the input, the row of an earlier run that it repeats; None if it is a new one.

        If the earlier run sent two equal rows, two rows of the input repeat them, and a third one is new.
        """
        if not self.has_left:
            return [None] * len(entries)
        found = self._try(lambda file: file.left_with(entry.digest for entry in entries)) or {}
        taken: list[Left | None] = []
        for entry in entries:
            digest = entry.digest
            left = next((one for one in found.get(digest, ()) if one.place not in self._replayed), None)
            if left is not None:
                self._replayed[left.place] = entry.stream, entry.after
                self._skipped += left.state is EntryState.DELIVERED
            taken.append(left)
        return taken

    def left_for(self, slots: Iterable[bytes]) -> dict[bytes, list[Left]]:
        """The rows that an earlier run left for these days, each in the order of sending."""
        if not self.has_left:
            return {}
        return self._try(lambda file: file.left_for(slots)) or {}

    def take_doubts(self) -> list[Left]:
        """The rows of an earlier run that were on their way when it ended, in the order of sending; once in a run."""
        if not self.has_left or self._doubts_taken:
            return []
        self._doubts_taken = True
        return self._try(lambda file: file.rows_in_doubt()) or []

    def settle(self, states: Mapping[int, EntryState]) -> None:
        """Note what is known by now of rows that were in doubt, by their places."""
        if self._file is not None and states:
            self._try(lambda file: file.settle(states))

    def settled_at(self, dimension: str, day: int) -> float:
        """When everything that earlier runs sent for a day can be read, in seconds since 1970-01-01; 0 if it can."""
        self._opened()
        return self._recent.get((dimension, day), -self._settle_seconds) + self._settle_seconds

    def note_landed(self, days: Iterable[tuple[str, int]]) -> None:
        """Note that everything that was sent for these days, each with its metric, has landed."""
        if self._file is not None:
            self._try(lambda file: file.forget_recent(days))

    # The present run

    def begin(self, entries: list[Entry]) -> int | None:
        """Note a call before it is made. Return its number; None if it is not noted."""
        if self._opened() is None:
            return None
        call = CallRecord(self._clock.now(), entries)
        days = {(entry.dimension, entry.day) for entry in entries if entry.slot}
        number: int | None = self._try(lambda file: file.begin(call, days))
        if number is not None:
            places = groupby((entry.stream, entry.after) for entry in entries)
            runs = [(place, sum(1 for _ in some)) for place, some in places]
            self._calls[number] = _Call(runs, bytes([EntryState.IN_DOUBT]) * len(entries))
        return number

    def end(self, number: int | None, outcomes: Sequence[Outcome]) -> None:
        """Note what became of the rows of a call."""
        if number is None or self._file is None:
            return
        call = self._calls[number]
        call.states = bytes(_STATES.get(outcome.kind, EntryState.NOT_STORED) for outcome in outcomes)
        self._try(lambda file: file.end({number: call.states}))

    # STATE

    def begin_state(self, state: object) -> bool:
        """Note that a STATE is about to be written. True if `end_state` must be called when it was written.

        The STATE covers the rows that the input had before the newest STATE message.
        """
        before, self._state = self._state, state
        if self._file is None or not (self._calls or self._replayed):
            return False
        streams = {stream for call in self._calls.values() for (stream, _), _ in call.runs}
        streams.update(stream for stream, _ in self._replayed.values())
        covered = covered_streams(state, before, streams)

        def covers(place: tuple[str, int]) -> bool:
            return place[0] in covered and place[1] < self.states_read

        self._closing = {number: call.covered(covers) for number, call in self._calls.items()}
        self._closing = {number: marks for number, marks in self._closing.items() if any(marks)}
        self._closing_replayed = [place for place, row in self._replayed.items() if covers(row)]
        if not (self._closing or self._closing_replayed):
            return False
        states = {
            number: self._calls[number].marked(marks, EntryState.CLOSED) for number, marks in self._closing.items()
        }
        self._try(lambda file: file.begin_state(states, self._closing_replayed))
        return self._file is not None

    def end_state(self) -> None:
        """Note that the STATE was written."""
        states: dict[int, bytes | None] = {}
        for number, marks in self._closing.items():
            call = self._calls[number]
            call.states = call.marked(marks, EntryState.NOT_STORED)
            states[number] = call.states if any(state != EntryState.NOT_STORED for state in call.states) else None
            if states[number] is None:
                del self._calls[number]
        for place in self._closing_replayed:
            del self._replayed[place]
        self._try(lambda file: file.end_state(states, self._closing_replayed))

    def forget_all(self) -> None:
        """Forget all rows, because the whole input was delivered."""
        if self._file is not None:
            self._try(lambda file: file.forget_all())

    def close(self) -> None:
        """Close the file."""
        if self._skipped:
            text = "%s rows were not sent again: an earlier run had delivered them before it ended early"
            self._logger.info(text, self._skipped)
        if self._file is not None:
            self._file.close()
            self._file = None
