"""Overrides private methods of the SDK's target. See also `sdk_maps`.

A test compares the names used here with the installed SDK. All of them are overridden for correctness. The bypass for
speed is in `sdk_bypass`. It is used only if the SDK is as expected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.target_base import Target

from planhat_api.plugin.exit_codes import SIGNALS
from planhat_api.plugin.expressions import STREAM_MAPS
from planhat_api.plugin.output import writing_output
from target_planhat.sdk_maps import CheckedMapper

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.mapper import StreamMap

    from target_planhat.intake.checkpoint import Checkpoint
    from target_planhat.intake.messages import (
        ActivateVersionMessage,
        BatchMessage,
        RecordMessage,
        SchemaMessage,
        StateMessage,
    )
    from target_planhat.intake.reader import MessageReader
    from target_planhat.intake.signals import Termination
    from target_planhat.intake.streams_without_columns import StreamsWithoutColumns
    from target_planhat.run import Run
    from target_planhat.sink import PlanhatSink

__all__ = ["OVERRIDDEN", "HookedTarget"]

OVERRIDDEN = (
    "_handle_max_record_age",
    "_handle_termination",
    "_process_activate_version_message",
    "_process_batch_message",
    "_process_record_message",
    "_process_schema_message",
    "_process_state_message",
    "_write_state_message",
)
"""Methods of the SDK's target that this module overrides."""


class HookedTarget(Target, ABC):
    """A target with its own handling of STATE, checkpoints and signals.

    Its reader gives checked messages to the methods that get dicts from the SDK's reader. The SDK creates sinks and
    calls them with its own arguments only. What else they need is in two attributes during such a call.

    Attributes:
        run: The run.
        checkpoint: Decides when all pending rows are sent.
        termination: Handles signals.
        without_columns: The streams whose columns are not known yet.
        announced_stream: The stream whose sinks are being created.
    """

    run: Run
    checkpoint: Checkpoint
    termination: Termination
    without_columns: StreamsWithoutColumns
    announced_stream: str = ""
    _current_message: RecordMessage
    _written_state: dict[str, Any] | None = None

    # One bulk call at a time (B14). The SDK would reset an instance attribute.
    max_parallelism = 1

    @abstractmethod
    def handle_schema(self, message: SchemaMessage) -> bool:
        """Handle a SCHEMA message. False if its sinks must be created."""

    @abstractmethod
    def handle_version(self, message: ActivateVersionMessage) -> None:
        """Handle an ACTIVATE_VERSION message."""

    @abstractmethod
    def handle_batch(self, message: BatchMessage) -> None:
        """Handle a BATCH message."""

    @abstractmethod
    def leave_out(self, message: RecordMessage) -> None:
        """Count a record that stream maps leave out."""

    @abstractmethod
    def handle_record(self, message: RecordMessage) -> bool:
        """Handle a RECORD message without the SDK. False if the SDK must handle it."""

    @property
    def reader(self) -> MessageReader:
        """The reader of the input."""
        return cast("MessageReader", self.message_reader)

    def sink_of(self, stream: str) -> PlanhatSink | None:
        """The current sink of a stream."""
        return cast("PlanhatSink", self.get_sink(stream)) if self.sink_exists(stream) else None

    def setup_mapper(self, *, with_maps: bool = True) -> None:
        """Check the stream maps as far as possible before the first SCHEMA.

        Args:
            with_maps: Whether the settings for stream maps and flattening apply.

        Raises:
            SettingsError: They cannot work.
            ConfigurationError: An expression in them can never work.
        """
        self._sinks_made_for: dict[str, tuple[Any, Any]] = {}
        self._maps_left = 0
        config = dict(self.config) if with_maps else {}
        self.mapper = CheckedMapper(config, self.logger, self._reject_unmapped, self._note_left_out_by_map)

    def _process_schema_message(self, message_dict: SchemaMessage) -> None:  # type: ignore[override]
        if not self.handle_schema(message_dict):
            self.make_sinks(message_dict)

    def make_sinks(self, message: SchemaMessage) -> None:
        """Create the maps and the sinks of a stream, if they changed. A stream that a map removes has no sink."""
        stream, schema, keys = message.stream, message.schema, message.key_properties
        if self._sinks_made_for.get(stream) == (schema, keys):
            return
        self._sinks_made_for[stream] = schema, keys
        self.announced_stream = stream
        self.mapper.register_raw_stream_schema(stream, schema, keys)
        for made in self.kept_maps(stream):
            self.get_sink(
                made.stream_alias, schema=made.transformed_schema, key_properties=made.transformed_key_properties
            )

    def kept_maps(self, stream: str) -> list[StreamMap]:
        """The stream maps of a stream; none if they remove the stream, or if it has no SCHEMA yet."""
        return [made for made in self.mapper.stream_maps.get(stream, ()) if not isinstance(made, RemoveRecordTransform)]

    def _process_activate_version_message(self, message_dict: ActivateVersionMessage) -> None:  # type: ignore[override]
        self.handle_version(message_dict)

    def message_for(self, made: str) -> RecordMessage:
        """The message whose record the SDK is processing.

        Args:
            made: The stream that stream maps made of it. If they make several, the message is marked as for this one.
        """
        message = self._current_message
        is_one_of_several = message.copy is None and len(self.mapper.stream_maps.get(message.stream, ())) > 1
        return replace(message, copy=made) if is_one_of_several else message

    def note_counted(self, number: int) -> None:
        """Note how many records of the current lines are counted in the summary."""
        self.reader.handled = number

    def _process_record_message(self, message_dict: RecordMessage) -> None:  # type: ignore[override]
        if self.handle_record(message_dict):
            return
        if message_dict.copy is None:
            self._pass_through_maps(message_dict)
        else:
            self._handle_for_one_stream(message_dict, message_dict.copy)

    def _pass_through_maps(self, message: RecordMessage) -> None:
        self._current_message = message
        self._maps_left = len(self.kept_maps(message.stream))
        if not self._maps_left:
            self.leave_out(message)
            self.between_messages()
            return
        super()._process_record_message({"stream": message.stream, "record": message.record})

    def _note_left_out_by_map(self) -> None:
        """Note that a map leaves out the current record. If all its maps do so, it is counted as left out."""
        self._maps_left -= 1
        if not self._maps_left:
            self.leave_out(self._current_message)

    def _handle_for_one_stream(self, message: RecordMessage, copy: str) -> None:
        """Handle a record from a rejects file for one stream only: the other streams already have it."""
        stream = message.stream
        maps = self.mapper.stream_maps[stream]
        chosen = [made for made in maps if made.stream_alias == copy]
        self._current_message = message
        kept = self.kept_maps(stream)
        if kept and not chosen:
            self._reject_unmapped(kept[0], f"{STREAM_MAPS} no longer make a stream {copy!r} of {stream!r}")
            self.between_messages()
            return
        try:
            self.mapper.stream_maps[stream] = chosen
            self._pass_through_maps(message)
        finally:
            self.mapper.stream_maps[stream] = maps

    def _reject_unmapped(self, made: StreamMap, reason: str) -> None:
        sink = cast("PlanhatSink", self.sink_of(made.stream_alias))
        sink.refuse_unmapped(self.message_for(made.stream_alias), made.raw_key_properties or (), reason)

    def _process_batch_message(self, message_dict: BatchMessage) -> None:  # type: ignore[override]
        self.handle_batch(message_dict)

    def _process_state_message(self, message_dict: StateMessage) -> None:  # type: ignore[override]
        self.run.sent.states_read += 1
        super()._process_state_message({"value": message_dict.value})
        self._handle_max_record_age()

    def _handle_max_record_age(self) -> None:
        """Called by the SDK after each record."""
        self.between_messages()

    def between_messages(self) -> None:
        """End the run after a signal or too many rejects. Send all pending rows if it is time."""
        if self.termination.requested:
            self.termination.end()
        self.run.ledger.check_policy_if_due()
        if self.checkpoint.due:
            self.drain_all()
            self.checkpoint.done()

    def may_write_state(self) -> bool:
        """Wait for all sent rows. Return whether all rows before STATE are delivered or stored as rejects.

        A run that only plans writes none: the next run must get the same rows.
        """
        self.run.dispatcher.wait()
        self.run.ledger.check_policy()
        self.run.ledger.sync()
        waiting = len(self.run.dispatcher.waiting)
        lost = self.run.ledger.summary.unsent - waiting
        if lost:
            self.logger.error("STATE is not written: %s records that were read have no outcome", lost)
            return False
        if waiting:
            self.logger.debug("STATE is not written yet: %s rows wait for their company", waiting)
        return not (waiting or self.without_columns.waiting_records or self.run.plan is not None)

    def _write_state_message(self, state: dict[str, Any]) -> None:
        if self.may_write_state() and state != self._written_state:
            is_noted = self.run.sent.begin_state(state)
            with writing_output():
                super()._write_state_message(state)
            if is_noted:
                self.run.sent.end_state()
            self._written_state = state

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if not hasattr(self, "termination"):
            # The SDK sets its handlers before the target is complete.
            raise SystemExit(SIGNALS + signum)
        self.termination.handle(signum)
