"""The ledger of a run, which contains one outcome for each record."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from planhat_api import Outcome, OutcomeKind
from planhat_api.plugin.expressions import STREAM_MAPS
from target_planhat.errors import log_error
from target_planhat.outcomes.next_steps import log_next_steps
from target_planhat.outcomes.policy import RejectPolicy
from target_planhat.outcomes.receipts import Receipts
from target_planhat.outcomes.reject_log import RejectLog
from target_planhat.outcomes.rejects import Rejects
from target_planhat.outcomes.summary import Summary
from target_planhat.settings import AllowedRejects

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from planhat_api.http.figures import CallFigures
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
        is_of_plan: Whether the input is a plan.
        landing: For each model, delivered rows by what was found out about them later.
    """

    def __init__(self, settings: TargetSettings, logger: logging.Logger, *, is_planning: bool) -> None:
        """Create the folders for files. No file is opened.

        Args:
            settings: Settings of the run.
            logger: Logger of the target.
            is_planning: Whether nothing is sent. Then there are no files, and no number of rejects ends the run.
        """
        self.summary = Summary()
        self.rejects = Rejects(None if is_planning else settings.rejects_dir)
        receipts_dir = None if is_planning else settings.receipts_dir
        self.receipts = Receipts(
            receipts_dir, with_values=settings.receipts_values, with_landing=settings.verify_landing == "all"
        )
        self._logger = logger
        self._reject_log = RejectLog(logger, "Would be rejected" if is_planning else "Rejected")
        self._policy = RejectPolicy(AllowedRejects() if is_planning else settings.allowed_rejects)
        self._policy_check_is_due = False
        self._is_replay = False
        self.is_of_plan = False
        self.landing: dict[str, Mapping[str, int]] = {}
        self._raised: list[OutputError] = []

    def add(self, item: Item, outcome: Outcome) -> None:
        """Add the outcome of a row. It applies to each record merged into it; all but the last count as merged."""
        *earlier, last = item.parts or (item,)
        merged = outcome if outcome.kind.is_reject else Outcome(OutcomeKind.MERGED, outcome.planhat_id)
        for part in earlier:
            self._add_one(part, merged)
        self._add_one(last, outcome, item.changed)

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

    def _add_one(self, item: Item, outcome: Outcome, changed: Mapping[str, Any] | None = None) -> None:
        stream = item.stream
        self.summary.count_outcome(stream.name, outcome.kind)
        if self.receipts:
            self._add_receipt(item, outcome, changed=changed)
        if outcome.kind.is_reject:
            self._add_reject(stream, item, outcome)

    def _add_receipt(
        self, item: Item, outcome: Outcome, *, changed: Mapping[str, Any] | None = None, landing: str | None = None
    ) -> None:
        stream = item.stream
        self.receipts.add(
            stream.name,
            stream.model.stream,
            item.match,
            outcome,
            attempt=item.attempt,
            column=item.column,
            changed=changed,
            landing=landing,
        )

    def _add_reject(self, stream: StreamInfo, item: Item, outcome: Outcome) -> None:
        reason = outcome.reason or "no reason given"
        self._reject_log.add(stream.name, lambda: stream.label(item), reason)
        self._is_replay = self._is_replay or item.attempt > 1
        uncertain = outcome.kind.is_uncertain
        input_stream, copy = item.origin or (stream.input_stream, None)
        self.rejects.add(
            input_stream,
            item.raw,
            reason=reason,
            uncertain=uncertain,
            attempt=item.attempt,
            copy=copy,
            column=item.column,
        )

    def add_landing(self, item: Item, claimed: Outcome, landing: str, reason: str, *, is_missing: bool) -> None:
        """Add what was found out about a delivered row later. If it did not land, it becomes a reject.

        Args:
            item: The row.
            claimed: Its outcome before.
            landing: What was found out, in a word or two.
            reason: What is known beyond it.
            is_missing: Whether the row did not land.
        """
        *earlier, last = item.parts or (item,)
        for part in (*earlier, last):
            stream = part.stream
            kind = claimed.kind if part is last else OutcomeKind.MERGED
            outcome = Outcome.rejected(reason) if is_missing else Outcome(kind, claimed.planhat_id, reason or None)
            if self.receipts:
                self._add_receipt(part, outcome, landing=landing)
            if is_missing:
                self.summary.count_outcome(stream.name, kind, -1)
                self.summary.count_outcome(stream.name, OutcomeKind.REJECTED)
                self._add_reject(stream, part, outcome)

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
            self.receipts.add(stream, None, match, _LEFT_OUT, attempt=attempt)

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

    def close(self, waiting: int, figures: CallFigures) -> OutputError | None:
        """Close the files and log the summary.

        Args:
            waiting: Number of records that wait for their company.
            figures: All calls of the run.

        Returns:
            An error of a file that occurred only now. It is already logged.
        """
        self.rejects.close()
        self.receipts.close()
        late = [fault for fault in self._faults() if fault not in self._raised]
        for fault in late:
            log_error(fault, self._logger)
        self._reject_log.log_counts()
        self.summary.log(self._logger, figures)
        path = self.rejects.path
        # Without what the plan expected, its rows must not be sent again.
        again = None if self.is_of_plan else path
        log_next_steps(self._logger, self.summary, waiting, again, is_replay=self._is_replay)
        if self.is_of_plan and path:
            text = "Rejected rows of the plan are in %s. Correct the cause, then make a new plan from the source"
            self._logger.warning(text, path)
        self.summary.log_json(self._logger, figures, path, self.landing)
        return late[0] if late else None
