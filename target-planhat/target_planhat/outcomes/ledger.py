"""The books of a run, in which every record ends with one outcome."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING

from planhat_api import Fate, Outcome
from planhat_api.plugin.expressions import STREAM_MAPS
from target_planhat.errors import tell
from target_planhat.outcomes.advice import tell_what_is_left
from target_planhat.outcomes.policy import RejectPolicy
from target_planhat.outcomes.receipts import Receipts
from target_planhat.outcomes.reject_log import RejectLog
from target_planhat.outcomes.rejects import Rejects
from target_planhat.outcomes.summary import Summary

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from planhat_api.plugin.output import OutputError
    from target_planhat.rows.item import Item, StreamFacts
    from target_planhat.settings import TargetSettings

__all__ = ["Ledger"]

_LEFT_OUT = Outcome.skipped(f"{STREAM_MAPS} leave it out")


class Ledger:
    """Enters what becomes of each record: in the counts, the receipts and the rejects.

    Attributes:
        summary: The counts.
        rejects: The file of rejects.
        receipts: The file of receipts.
    """

    def __init__(self, settings: TargetSettings, logger: logging.Logger) -> None:
        """Open nothing but the folders of the files.

        Args:
            settings: Settings of the run.
            logger: Where people read.
        """
        self.summary = Summary()
        self.rejects = Rejects(settings.rejects_dir)
        self.receipts = Receipts(settings.receipts_dir)
        self._logger = logger
        self._log = RejectLog(logger)
        self._policy = RejectPolicy(settings.allowed_rejects)
        self._is_to_be_judged = False
        self._is_replay = False
        self._raised: list[OutputError] = []

    def enter(self, item: Item, outcome: Outcome) -> None:
        """Write down what became of a row, which is that of each record in it; all but the last count as merged."""
        *earlier, last = item.parts or (item,)
        merged = outcome if outcome.fate.is_reject else Outcome(Fate.MERGED, outcome.planhat_id)
        for part in earlier:
            self._enter_one(part, merged)
        self._enter_one(last, outcome)

    def enter_by_count(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> bool:
        """Enter rows of one stream by counting alone; False when more is to be written down of any of them."""
        fates = Counter(map(attrgetter("fate"), outcomes))
        streams = set(map(attrgetter("stream"), items))
        if len(streams) != 1 or self.receipts or any(map(attrgetter("parts"), items)):
            return False
        if any(fate.is_reject for fate in fates):
            return False
        (stream,) = streams
        for fate, number in fates.items():
            self.summary.count(stream.name, fate, number)
        return True

    def _enter_one(self, item: Item, outcome: Outcome) -> None:
        stream = item.stream
        self.summary.count(stream.name, outcome.fate)
        if self.receipts:
            self.receipts.add(stream.name, stream.model.stream, item.match, outcome, item.attempt)
        if outcome.fate.is_reject:
            self._enter_reject(stream, item, outcome)

    def _enter_reject(self, stream: StreamFacts, item: Item, outcome: Outcome) -> None:
        reason = outcome.reason or "no reason given"
        self._log.add(stream.name, lambda: stream.label(item), reason)
        self._is_replay = self._is_replay or item.attempt > 1
        uncertain = outcome.fate.is_uncertain
        input_stream, copy = item.origin or (stream.input_stream, None)
        self.rejects.add(input_stream, item.raw, reason=reason, uncertain=uncertain, attempt=item.attempt, copy=copy)

    def leave_out(self, stream: str, match: tuple[str, ...] | None, attempt: int) -> None:
        """Write down that stream maps leave out a record.

        Args:
            stream: The stream it came in: it is in none of those that maps make.
            match: What identifies it, if known.
            attempt: How often it was tried.
        """
        self.summary.take(stream)
        self.summary.count(stream, _LEFT_OUT.fate)
        if self.receipts:
            self.receipts.add(stream, None, match, _LEFT_OUT, attempt)

    def note_batch(self) -> None:
        """A batch is through: the policy is asked once the message at hand is, or its rows would be left behind.

        Raises:
            OutputError: What was set aside, or a receipt, cannot be written.
        """
        self._is_to_be_judged = True
        self._check_files()

    def judge_batches(self) -> None:
        """End the run if batches are through since the policy was asked, and it says so.

        Raises:
            OutputError: What was set aside, or a receipt, cannot be written.
            RejectsError: Too many records were rejected.
        """
        if self._is_to_be_judged:
            self.judge()

    def judge(self, *, at_end: bool = False) -> None:
        """End the run if the policy says so, or if a file of it cannot be written.

        Raises:
            OutputError: What was set aside, or a receipt, cannot be written.
            RejectsError: Too many records were rejected.
        """
        self._is_to_be_judged = False
        self._check_files()
        self._policy.check(self.summary.rejected, self.summary.settled, self._log.first, at_end=at_end)

    def secure(self) -> None:
        """Have everything that was set aside on disk; STATE may go out after that.

        Raises:
            OutputError: It cannot be written.
        """
        self.rejects.secure()
        self.receipts.secure()
        self._check_files()

    def _check_files(self) -> None:
        for fault in self._faults():
            self._raised.append(fault)
            raise fault

    def _faults(self) -> list[OutputError]:
        """What is wrong with the files."""
        return [file.fault for file in (self.rejects, self.receipts) if file.fault is not None]

    def close(self, waiting: int) -> OutputError | None:
        """Close the files, and tell the summary.

        Args:
            waiting: Records that wait for their company.

        Returns:
            What is wrong with a file and came to light only now. It was told.
        """
        self.rejects.close()
        self.receipts.close()
        late = [fault for fault in self._faults() if fault not in self._raised]
        for fault in late:
            tell(fault, self._logger)
        self._log.tell_counts()
        self.summary.tell(self._logger)
        path = self.rejects.path
        tell_what_is_left(self._logger, self.summary, waiting, path, is_replay=self._is_replay)
        self.summary.tell_machines(self._logger, path)
        return late[0] if late else None
