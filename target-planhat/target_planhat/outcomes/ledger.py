"""The ledger of a run, which contains one outcome for each record."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind
from planhat_api.plugin.expressions import STREAM_MAPS
from target_planhat.errors import log_error
from target_planhat.outcomes.next_steps import log_next_steps
from target_planhat.outcomes.policy import RejectPolicy
from target_planhat.outcomes.receipts import Receipts
from target_planhat.outcomes.reject_log import RejectLog
from target_planhat.outcomes.rejects import Rejects
from target_planhat.outcomes.summary import Summary

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from planhat_api.plugin.output import OutputError
    from target_planhat.rows.item import Item, StreamInfo
    from target_planhat.settings import TargetSettings

__all__ = ["Ledger"]

_LEFT_OUT = Outcome.skipped(f"{STREAM_MAPS} leave it out")


class Ledger:
    """Adds the outcome of each record to the counts, the receipts and the rejects.

    Attributes:
        summary: The counts.
        rejects: The rejects file.
        receipts: The receipts file.
    """

    def __init__(self, settings: TargetSettings, logger: logging.Logger) -> None:
        """Create the folders for files. No file is opened.

        Args:
            settings: Settings of the run.
            logger: Logger of the target.
        """
        self.summary = Summary()
        self.rejects = Rejects(settings.rejects_dir)
        self.receipts = Receipts(settings.receipts_dir)
        self._logger = logger
        self._reject_log = RejectLog(logger)
        self._policy = RejectPolicy(settings.allowed_rejects)
        self._policy_check_is_due = False
        self._is_replay = False
        self._raised: list[OutputError] = []

    def add(self, item: Item, outcome: Outcome) -> None:
        """Add the outcome of a row. It applies to each record merged into it; all but the last count as merged."""
        *earlier, last = item.parts or (item,)
        merged = outcome if outcome.kind.is_reject else Outcome(OutcomeKind.MERGED, outcome.planhat_id)
        for part in earlier:
            self._add_one(part, merged)
        self._add_one(last, outcome)

    def add_by_count(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> bool:
        """Add rows of one stream if only their number matters. False if more must be recorded of any row."""
        kinds = Counter(map(attrgetter("kind"), outcomes))
        streams = set(map(attrgetter("stream"), items))
        if len(streams) != 1 or self.receipts or any(map(attrgetter("parts"), items)):
            return False
        if any(kind.is_reject for kind in kinds):
            return False
        (stream,) = streams
        for kind, number in kinds.items():
            self.summary.count_outcome(stream.name, kind, number)
        return True

    def _add_one(self, item: Item, outcome: Outcome) -> None:
        stream = item.stream
        self.summary.count_outcome(stream.name, outcome.kind)
        if self.receipts:
            self.receipts.add(stream.name, stream.model.stream, item.match, outcome, item.attempt)
        if outcome.kind.is_reject:
            self._add_reject(stream, item, outcome)

    def _add_reject(self, stream: StreamInfo, item: Item, outcome: Outcome) -> None:
        reason = outcome.reason or "no reason given"
        self._reject_log.add(stream.name, lambda: stream.label(item), reason)
        self._is_replay = self._is_replay or item.attempt > 1
        uncertain = outcome.kind.is_uncertain
        input_stream, copy = item.origin or (stream.input_stream, None)
        self.rejects.add(input_stream, item.raw, reason=reason, uncertain=uncertain, attempt=item.attempt, copy=copy)

    def add_left_out(self, stream: str, match: tuple[str, ...] | None, attempt: int) -> None:
        """Add a record that stream maps leave out.

        Args:
            stream: Its stream in the input, because it is in no stream that maps make.
            match: Its key, if known.
            attempt: Number of attempts.
        """
        self.summary.count_read(stream)
        self.summary.count_outcome(stream, _LEFT_OUT.kind)
        if self.receipts:
            self.receipts.add(stream, None, match, _LEFT_OUT, attempt)

    def note_batch(self) -> None:
        """Note that a batch has outcomes. The policy is checked after the current message, so that it is counted.

        Raises:
            OutputError: A reject or a receipt cannot be written.
        """
        self._policy_check_is_due = True
        self._check_files()

    def check_policy_if_due(self) -> None:
        """Check the policy on rejects if a batch got outcomes since the last check.

        Raises:
            OutputError: A reject or a receipt cannot be written.
            RejectsError: Too many records were rejected.
        """
        if self._policy_check_is_due:
            self.check_policy()

    def check_policy(self, *, at_end: bool = False) -> None:
        """End the run if too many records are rejected, or if a file cannot be written.

        Raises:
            OutputError: A reject or a receipt cannot be written.
            RejectsError: Too many records were rejected.
        """
        self._policy_check_is_due = False
        self._check_files()
        self._policy.check(self.summary.rejected, self.summary.with_outcome, self._reject_log.first, at_end=at_end)

    def sync(self) -> None:
        """Write all rejects and receipts to disk. STATE may be written after that.

        Raises:
            OutputError: A reject or a receipt cannot be written.
        """
        self.rejects.sync()
        self.receipts.sync()
        self._check_files()

    def _check_files(self) -> None:
        for fault in self._faults():
            self._raised.append(fault)
            raise fault

    def _faults(self) -> list[OutputError]:
        """The errors of the files."""
        return [file.fault for file in (self.rejects, self.receipts) if file.fault is not None]

    def close(self, waiting: int) -> OutputError | None:
        """Close the files and log the summary.

        Args:
            waiting: Number of records that wait for their company.

        Returns:
            An error of a file that occurred only now. It is already logged.
        """
        self.rejects.close()
        self.receipts.close()
        late = [fault for fault in self._faults() if fault not in self._raised]
        for fault in late:
            log_error(fault, self._logger)
        self._reject_log.log_counts()
        self.summary.log(self._logger)
        path = self.rejects.path
        log_next_steps(self._logger, self.summary, waiting, path, is_replay=self._is_replay)
        self.summary.log_json(self._logger, path)
        return late[0] if late else None
