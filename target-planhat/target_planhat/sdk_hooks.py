"""What the target does otherwise than the SDK, beyond the SDK's public hooks; see also `sdk_maps`.

A test holds the names used here against the installed SDK. Each of them is overridden for correctness; the short
way of records, which is for speed, stands in `record_path` and is used only when the SDK is as expected.
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
    from target_planhat.intake.undeclared import UndeclaredStreams
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
"""Names of the SDK's target that this module overrides."""


class HookedTarget(Target, ABC):
    """A target whose STATE, checkpoints and signals are its own.

    Its reader hands on checked messages where the SDK's hands on dicts. The SDK makes sinks and passes records on by
    calls that take no more than it knows. What else they need stands in two attributes while such a call lasts.

    Attributes:
        run: The run.
        checkpoint: When all that is pending goes out.
        termination: The signals.
        undeclared: The streams whose columns are not known yet.
        announced_stream: The stream whose sinks are being made.
    """

    run: Run
    checkpoint: Checkpoint
    termination: Termination
    undeclared: UndeclaredStreams
    announced_stream: str = ""
    _message_in_hand: RecordMessage
    _written_state: dict[str, Any] | None = None

    # One bulk call at a time (B14). As an instance attribute the SDK would reset it.
    max_parallelism = 1

    @abstractmethod
    def take_schema(self, message: SchemaMessage) -> bool:
        """Handle a SCHEMA message; False when the SDK is to make its sinks."""

    @abstractmethod
    def take_version(self, message: ActivateVersionMessage) -> None:
        """Handle an ACTIVATE_VERSION message."""

    @abstractmethod
    def take_batch(self, message: BatchMessage) -> None:
        """Handle a BATCH message."""

    @abstractmethod
    def leave_out(self, message: RecordMessage) -> None:
        """Count a record that stream maps leave out."""

    @abstractmethod
    def take_record(self, message: RecordMessage) -> bool:
        """Handle a RECORD message the short way; False when it must go through the SDK."""

    @property
    def reader(self) -> MessageReader:
        """The reader of the input."""
        return cast("MessageReader", self.message_reader)

    def sink_of(self, stream: str) -> PlanhatSink | None:
        """The sink in use for a stream."""
        return cast("PlanhatSink", self.get_sink(stream)) if self.sink_exists(stream) else None

    def setup_mapper(self) -> None:
        """Check the stream maps as far as they can be before the first SCHEMA.

        Raises:
            SettingsError: They cannot work.
            ConfigurationError: An expression in them can never work.
        """
        self._sinks_made_for: dict[str, tuple[Any, Any]] = {}
        self._awaited = 0
        self.mapper = CheckedMapper(dict(self.config), self.logger, self._reject_unmapped, self._left_out_once)

    def _process_schema_message(self, message_dict: SchemaMessage) -> None:  # type: ignore[override]
        if not self.take_schema(message_dict):
            self.make_sinks(message_dict)

    def make_sinks(self, message: SchemaMessage) -> None:
        """Make the stream maps and the sinks of a stream, unless nothing has changed; none where a map removes it."""
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
        """What stream maps make of a stream; nothing of one that they remove, or that no SCHEMA has announced."""
        return [made for made in self.mapper.stream_maps.get(stream, ()) if not isinstance(made, RemoveRecordTransform)]

    def _process_activate_version_message(self, message_dict: ActivateVersionMessage) -> None:  # type: ignore[override]
        self.take_version(message_dict)

    def message_for(self, made: str) -> RecordMessage:
        """The message whose record goes through the SDK just now.

        Args:
            made: The stream that stream maps made of it. The message is for that one alone if they make several.
        """
        message = self._message_in_hand
        is_one_of_several = message.copy is None and len(self.mapper.stream_maps.get(message.stream, ())) > 1
        return replace(message, copy=made) if is_one_of_several else message

    def note_counted(self, number: int) -> None:
        """Note that so many records of the lines at hand are in the books, whatever ends the run from here on."""
        self.reader.taken = number

    def _process_record_message(self, message_dict: RecordMessage) -> None:  # type: ignore[override]
        if self.take_record(message_dict):
            return
        if message_dict.copy is None:
            self._take_through_maps(message_dict)
        else:
            self._take_copy(message_dict, message_dict.copy)

    def _take_through_maps(self, message: RecordMessage) -> None:
        self._message_in_hand = message
        self._awaited = len(self.kept_maps(message.stream))
        if not self._awaited:
            self.leave_out(message)
            self.between_messages()
            return
        super()._process_record_message({"stream": message.stream, "record": message.record})

    def _left_out_once(self) -> None:
        """One of the maps of the record at hand leaves it out; it is left out of the run if all of them do."""
        self._awaited -= 1
        if not self._awaited:
            self.leave_out(self._message_in_hand)

    def _take_copy(self, message: RecordMessage, copy: str) -> None:
        """Take a reject once more for the one stream it is for: others that maps make of it have had it."""
        stream = message.stream
        maps = self.mapper.stream_maps[stream]
        chosen = [made for made in maps if made.stream_alias == copy]
        self._message_in_hand = message
        kept = self.kept_maps(stream)
        if kept and not chosen:
            self._reject_unmapped(kept[0], f"{STREAM_MAPS} make no stream {copy!r} of {stream!r} any more")
            self.between_messages()
            return
        try:
            self.mapper.stream_maps[stream] = chosen
            self._take_through_maps(message)
        finally:
            self.mapper.stream_maps[stream] = maps

    def _reject_unmapped(self, made: StreamMap, reason: str) -> None:
        sink = cast("PlanhatSink", self.sink_of(made.stream_alias))
        sink.refuse_unmapped(self.message_for(made.stream_alias), made.raw_key_properties or (), reason)

    def _process_batch_message(self, message_dict: BatchMessage) -> None:  # type: ignore[override]
        self.take_batch(message_dict)

    def _process_state_message(self, message_dict: StateMessage) -> None:  # type: ignore[override]
        super()._process_state_message({"value": message_dict.value})
        self._handle_max_record_age()

    def _handle_max_record_age(self) -> None:
        """Called by the SDK after every record."""
        self.between_messages()

    def between_messages(self) -> None:
        """End the run if a signal or the policy asks for it, send all that is pending if it is time."""
        if self.termination.requested:
            self.termination.end()
        self.run.ledger.judge_batches()
        if self.checkpoint.due:
            self.drain_all()
            self.checkpoint.done()

    def may_write_state(self) -> bool:
        """Settle everything sent; say whether all rows before STATE are delivered or safely set aside."""
        self.run.dispatcher.settle()
        self.run.ledger.judge()
        self.run.ledger.secure()
        waiting = len(self.run.dispatcher.waiting)
        if waiting:
            self.logger.debug("STATE waits for %s rows that wait for their company", waiting)
        return not (waiting or self.undeclared.early)

    def _write_state_message(self, state: dict[str, Any]) -> None:
        if self.may_write_state() and state != self._written_state:
            with writing_output():
                super()._write_state_message(state)
            self._written_state = state

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if not hasattr(self, "termination"):
            # The SDK sets its handlers before there is anything to finish.
            raise SystemExit(SIGNALS + signum)
        self.termination.signalled(signum)
