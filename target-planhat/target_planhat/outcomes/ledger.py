"""One run: what all streams share, and the books in which every record ends with one verdict."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from planhat_api.plugin.expressions import STREAM_MAPS
from target_planhat.delivery.batch import Batch
from target_planhat.delivery.deletes import Deletes
from target_planhat.delivery.model_order import parents_of, rank
from target_planhat.delivery.sender import Sender
from target_planhat.delivery.waiting import HeldRows
from target_planhat.errors import KNOWN_ERRORS, tell
from target_planhat.outcomes.advice import tell_what_is_left
from target_planhat.outcomes.outcome import Verdict, Verdicts
from target_planhat.outcomes.policy import RejectPolicy
from target_planhat.outcomes.receipts import Receipts
from target_planhat.outcomes.rejects import Rejects
from target_planhat.outcomes.summary import Summary
from target_planhat.outcomes.told_rejects import ToldRejects
from target_planhat.rows.values import kind_of_custom
from target_planhat.tenant.addresses import Addresses
from target_planhat.tenant.custom_fields import CustomFields
from target_planhat.tenant.existing_rows import ExistingRows, ExternalIds

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model
    from planhat_api.plugin.output import OutputError
    from target_planhat.delivery.sink import PlanhatSink
    from target_planhat.rows.row import Item
    from target_planhat.settings import TargetSettings

__all__ = ["Run"]

_LEFT_OUT = Verdict(Verdicts.SKIPPED, reason=f"{STREAM_MAPS} leave it out")


class Run:
    """What the streams of a run share.

    Attributes:
        settings: Settings of the run.
    """

    def __init__(
        self, settings: TargetSettings, connect: Callable[[], PlanhatClient], logger: logging.Logger, *, can_push: bool
    ) -> None:
        """Open nothing but the folders of the files.

        Args:
            settings: Settings of the run.
            connect: Makes the client when it is first needed.
            logger: Where people read.
            can_push: Whether the settings hold what the analytics host wants.
        """
        self.settings = settings
        self.can_push = can_push
        self.logger = logger
        self._batches: dict[object, Batch] = {}
        self.sender = Sender()
        self.summary = Summary()
        self.told = ToldRejects(logger)
        self.rejects = Rejects(settings.rejects_dir)
        self.receipts = Receipts(settings.receipts_dir)
        self.held = HeldRows(settings.hold_rows)
        self._policy = RejectPolicy.from_settings(settings)
        self._connect = connect
        self._is_to_be_judged = False
        self._is_replay = False
        self._closed = False
        self._raised: list[OutputError] = []
        self._external_ids: dict[str, ExternalIds] = {}
        self._existing: dict[tuple[str, tuple[str, ...]], ExistingRows] = {}

    @cached_property
    def client(self) -> PlanhatClient:
        """The one client of the run."""
        return self._connect()

    @cached_property
    def addresses(self) -> Addresses:
        """The addresses that named rows."""
        return Addresses(self.logger)

    @cached_property
    def custom_fields(self) -> CustomFields:
        """Custom fields of the tenant."""
        return CustomFields(self.client, self.logger, kind_of_custom, check=self.settings.check_custom_fields)

    @cached_property
    def deletes(self) -> Deletes:
        """The deletes of the run."""
        return Deletes(self.client, self.settings.max_deletes)

    def external_ids(self, model: Model) -> ExternalIds:
        """External ids of the records of a model, read once."""
        if model.path not in self._external_ids:
            self._external_ids[model.path] = ExternalIds(self.client, model)
        return self._external_ids[model.path]

    def existing(self, model: Model, keyables: tuple[str, ...]) -> ExistingRows:
        """The rows of a model that exist, by these keys; read once."""
        place = (model.path, keyables)
        if place not in self._existing:
            self._existing[place] = ExistingRows(self.client, model, keyables)
        return self._existing[place]

    def existing_of(self, model: Model) -> list[ExistingRows]:
        """What was read of the rows of a model that exist."""
        return [known for (path, _), known in self._existing.items() if path == model.path]

    def note_stored(self, model: Model, items: Sequence[Item], verdicts: Sequence[Verdict]) -> None:
        """Let those who know what is in Planhat know of rows that are stored now."""
        external_ids = self._external_ids.get(model.path)
        existing = self.existing_of(model)
        if external_ids is None and not existing:
            return
        stored = [item for item, verdict in zip(items, verdicts, strict=True) if not verdict.kind.is_reject]
        if external_ids is not None:
            external_ids.learn(item.keys["externalId"] for item in stored if "externalId" in item.keys)
        for known in existing:
            for item in stored:
                if item.match is not None:
                    known.add(item.match)

    def batch_for(self, sink: PlanhatSink) -> Batch:
        """The batch a sink adds its rows to, shared with all that send rows to the same place in the same way."""
        place = (type(sink), sink.model.path, sink.settings.endpoint)
        if place not in self._batches:
            most_bytes = min(self.settings.batch_size_bytes, sink.most_bytes)
            self._batches[place] = Batch(sink.max_size, most_bytes, collapses=sink.collapses, apart=sink.apart)
        batch = self._batches[place]
        if sink.stream_name in batch.sinks:
            batch.sinks[sink.stream_name].count_for_sdk()
        batch.sinks[sink.stream_name] = sink
        return batch

    def writes_parents_of(self, model: Model) -> bool:
        """Whether rows of this run go to a model that this one refers to."""
        parents = parents_of(model.path)
        return any(sink.model.path in parents for sink in self.batch_owners())

    def batch_owners(self) -> list[PlanhatSink]:
        """One sink for each batch, parents before children."""
        owners = (next(iter(batch.sinks.values())) for batch in self._batches.values())
        return sorted(owners, key=lambda sink: rank(sink.model))

    def enter(self, item: Item, verdict: Verdict) -> None:
        """Write down what became of a row, which is that of each record in it; all but the last count as merged."""
        *earlier, last = item.parts or (item,)
        merged = verdict if verdict.kind.is_reject else Verdict(Verdicts.MERGED, verdict.planhat_id)
        for part in earlier:
            self._enter_one(part, merged)
        self._enter_one(last, verdict)

    def _enter_one(self, item: Item, verdict: Verdict) -> None:
        sink: PlanhatSink = item.sink
        self.summary.count(sink.stream_name, verdict.kind)
        if self.receipts:
            self.receipts.add(sink.stream_name, sink.model.stream, item.match, verdict, item.attempt)
        if verdict.kind.is_reject:
            self._enter_reject(sink, item, verdict)

    def _enter_reject(self, sink: PlanhatSink, item: Item, verdict: Verdict) -> None:
        reason = verdict.reason or "no reason given"
        self.told.add(sink.stream_name, lambda: sink.label_of(item), reason)
        self._is_replay = self._is_replay or item.attempt > 1
        uncertain = verdict.kind is Verdicts.UNKNOWN
        stream, copy = item.origin or (sink.input_stream, None)
        self.rejects.add(stream, item.raw, reason=reason, uncertain=uncertain, attempt=item.attempt, copy=copy)

    def leave_out(self, stream: str, match: tuple[str, ...] | None, attempt: int) -> None:
        """Write down that stream maps leave out a record.

        Args:
            stream: The stream it came in: it is in none of those that maps make.
            match: What identifies it, if known.
            attempt: How often it was tried.
        """
        self.summary.take(stream)
        self.summary.count(stream, _LEFT_OUT.kind)
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
        self._policy.check(self.summary.rejected, self.summary.settled, self.told.first, at_end=at_end)

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

    @property
    def pending(self) -> int:
        """Records that were taken in and whose fate is not known, those aside that wait for their company."""
        return self.summary.unsent - len(self.held)

    def close(self) -> OutputError | None:
        """Settle what is on the wire, tell the summary, let go of files, thread and connections; once.

        Returns:
            What is wrong with a file and came to light only now. It was told.
        """
        if self._closed:
            return None
        self._closed = True
        try:
            self.settle()
        finally:
            late = self._let_go()
        return late

    def settle(self) -> bool:
        """Enter what is on the wire when the run ends by an error: that one is why it ended, and not what fails now.

        Returns:
            Whether nothing failed.
        """
        try:
            self.sender.settle()
        except KNOWN_ERRORS as err:
            tell(err, self.logger)
            return False
        return True

    def _let_go(self) -> OutputError | None:
        self.sender.close()
        self.rejects.close()
        self.receipts.close()
        late = [fault for fault in self._faults() if fault not in self._raised]
        for fault in late:
            tell(fault, self.logger)
        self.told.tell_counts()
        self.summary.tell(self.logger)
        path = self.rejects.path
        tell_what_is_left(self.logger, self.summary, len(self.held), path, is_replay=self._is_replay)
        self.summary.tell_machines(self.logger, path)
        for opened in ("addresses", "client"):
            if opened in self.__dict__:
                getattr(self, opened).close()
        return late[0] if late else None
