"""One run: what all streams share, and the books in which every record ends with one verdict."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from target_planhat.custom_fields import CustomFields
from target_planhat.deletes import Deletes
from target_planhat.errors import KNOWN_ERRORS, RejectsError, tell
from target_planhat.fates import Verdict, Verdicts
from target_planhat.held import HeldRows
from target_planhat.lookup import Companies, ExternalIds
from target_planhat.policy import RejectPolicy
from target_planhat.receipts import Receipts
from target_planhat.rejects import Rejects
from target_planhat.sender import Sender
from target_planhat.summary import Summary

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from planhat_api import PlanhatClient
    from planhat_api.registry import Model
    from target_planhat.row import Item
    from target_planhat.settings import TargetSettings
    from target_planhat.sink import PlanhatSink

__all__ = ["Run"]

LOGGED_REJECTS = 100
"""How many rejects a run logs one by one."""


class Run:
    """What the streams of a run share.

    Attributes:
        settings: Settings of the run.
        sinks: Sinks in the order in which they were made, those of an older schema too.
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
        self.sinks: list[PlanhatSink] = []
        self.sender = Sender()
        self.summary = Summary()
        self.rejects = Rejects(settings.rejects_dir)
        self.receipts = Receipts(settings.receipts_dir)
        self.held = HeldRows(settings.hold_rows)
        self._policy = RejectPolicy.from_settings(settings)
        self._connect = connect
        self._first_reject = ""
        self._closed = False
        self._logged = 0
        self._external_ids: dict[str, ExternalIds] = {}

    @cached_property
    def client(self) -> PlanhatClient:
        """The one client of the run."""
        return self._connect()

    @cached_property
    def custom_fields(self) -> CustomFields:
        """Custom fields of the tenant."""
        return CustomFields(self.client, self.logger, check=self.settings.check_custom_fields)

    @cached_property
    def companies(self) -> Companies:
        """The companies that rows name."""
        return Companies(self.client)

    @cached_property
    def deletes(self) -> Deletes:
        """The deletes of the run."""
        return Deletes(self.client, self.companies, self.settings.max_deletes)

    def external_ids(self, model: Model) -> ExternalIds:
        """External ids of the records of a model, read once."""
        if model.path not in self._external_ids:
            self._external_ids[model.path] = ExternalIds(self.client, model)
        return self._external_ids[model.path]

    def enter(self, sink: PlanhatSink, item: Item, verdict: Verdict) -> None:
        """Write down what became of a record, and of those that are part of its row: they are as safe as it is."""
        for part in item.parts:
            merged = verdict if verdict.kind.is_reject else Verdict(Verdicts.MERGED, verdict.planhat_id)
            self._enter_one(sink, part, merged)
        self._enter_one(sink, item, verdict)

    def _enter_one(self, sink: PlanhatSink, item: Item, verdict: Verdict) -> None:
        self.summary.count(sink.stream_name, verdict.kind)
        if self.receipts:
            self.receipts.add(sink.stream_name, sink.model.stream, item.match, verdict, item.attempt)
        if verdict.kind.is_reject:
            self._enter_reject(sink, item, verdict)

    def _enter_reject(self, sink: PlanhatSink, item: Item, verdict: Verdict) -> None:
        reason = verdict.reason or "no reason given"
        told = f"{sink.stream_name}, {item.label}: {reason}"
        self._first_reject = self._first_reject or told
        self._log_reject(told)
        uncertain = verdict.kind is Verdicts.UNKNOWN
        stream, copy = item.origin or (sink.input_stream, None)
        self.rejects.add(stream, item.raw, reason=reason, uncertain=uncertain, attempt=item.attempt, copy=copy)

    def _log_reject(self, told: str) -> None:
        """Log the first ones; a million of them would hide all else."""
        self._logged += 1
        if self._logged <= LOGGED_REJECTS:
            self.logger.error("Rejected: %s", told)
        if self._logged == LOGGED_REJECTS:
            self.logger.error("Further rejects are counted, and written to rejects_dir, but not logged")

    def judge(self, *, at_end: bool = False) -> None:
        """End the run if the policy says so.

        Raises:
            RejectsError: Too many records were rejected.
        """
        self._policy.check(self.summary.rejected, self.summary.settled, self._first_reject, at_end=at_end)

    def secure(self) -> None:
        """Have everything that was set aside on disk; STATE may go out after that."""
        self.rejects.secure()
        self.receipts.secure()

    def close(self) -> None:
        """Enter what is on the wire, tell the summary, let go of files, thread and connections; once."""
        if self._closed:
            return
        self._closed = True
        try:
            self._enter_last()
        finally:
            self._let_go()

    def _enter_last(self) -> None:
        """Enter what is on the wire when the run ends by an error: that one, not this, is why it ended."""
        try:
            self.sender.settle()
        except RejectsError:
            pass
        except KNOWN_ERRORS as err:
            tell(err, self.logger)
        if self.held:
            self.logger.warning("%s rows still waited for their company; they come with the next run", len(self.held))

    def _let_go(self) -> None:
        self.sender.close()
        self.rejects.close()
        self.receipts.close()
        self.summary.log(self.logger, self.rejects.path)
        if "client" in self.__dict__:
            self.client.close()
