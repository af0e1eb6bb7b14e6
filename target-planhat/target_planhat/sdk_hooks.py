"""The one module that reaches into the SDK beyond its public hooks.

A test holds the names used here against the installed SDK. Each of them is overridden for correctness; the short
way of records, which is for speed, stands in `record_path` and is used only when the SDK is as expected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from singer_sdk import mapper
from singer_sdk.target_base import Target

from target_planhat.errors import SettingsError
from target_planhat.schema_check import explicit

if TYPE_CHECKING:
    from types import FrameType

    from target_planhat.checkpoint import Checkpoint
    from target_planhat.messages import (
        ActivateVersionMessage,
        BatchMessage,
        RecordMessage,
        SchemaMessage,
        StateMessage,
    )
    from target_planhat.reader import MessageReader
    from target_planhat.termination import Termination

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

    Its reader hands on checked messages where the SDK's hands on dicts.
    """

    checkpoint: Checkpoint
    _written_state: dict[str, Any] | None = None
    termination: Termination

    # One bulk call at a time (B14). As an instance attribute the SDK would reset it.
    max_parallelism = 1

    @property
    @abstractmethod
    def reader(self) -> MessageReader:
        """The reader, which holds the message at hand."""

    @abstractmethod
    def may_write_state(self) -> bool:
        """Settle everything sent; say whether all rows before STATE are delivered or safely set aside."""

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
    def take_record(self, message: RecordMessage) -> bool:
        """Handle a RECORD message the short way; False when it must go through the SDK."""

    def _process_schema_message(self, message_dict: SchemaMessage) -> None:  # type: ignore[override]
        if not self.take_schema(message_dict):
            self.make_sinks(message_dict)

    def make_sinks(self, message: SchemaMessage) -> None:
        """Have the SDK make the stream maps and the sinks of a stream, unless nothing has changed."""
        schema = explicit(message.schema)
        content = {"stream": message.stream, "schema": schema, "key_properties": message.key_properties}
        super()._process_schema_message(content)

    def _process_activate_version_message(self, message_dict: ActivateVersionMessage) -> None:  # type: ignore[override]
        self.take_version(message_dict)

    def _process_record_message(self, message_dict: RecordMessage) -> None:  # type: ignore[override]
        if not self.take_record(message_dict):
            self._take_through_sdk({"stream": message_dict.stream, "record": message_dict.record})

    def _take_through_sdk(self, message: dict[str, Any]) -> None:
        try:
            super()._process_record_message(message)
        except Exception as err:
            if all(frame.f_globals.get("__name__") != mapper.__name__ for frame, _ in walk_tb(err.__traceback__)):
                raise
            # Without its cause: the texts of what expressions call quote the record.
            msg = f"stream_maps: an expression for stream {message['stream']!r} fails on a record ({_kind(err)})"
            raise SettingsError(msg) from None

    def _process_batch_message(self, message_dict: BatchMessage) -> None:  # type: ignore[override]
        self.take_batch(message_dict)

    def _process_state_message(self, message_dict: StateMessage) -> None:  # type: ignore[override]
        super()._process_state_message({"value": message_dict.value})
        self._handle_max_record_age()

    def _handle_max_record_age(self) -> None:
        """Called by the SDK after every record."""
        self.between_messages()

    def between_messages(self) -> None:
        """End the run if a signal asks for it, send all that is pending if it is time."""
        if self.termination.requested:
            self.termination.end()
        if self.checkpoint.due:
            self.drain_all()
            self.checkpoint.done()

    def _write_state_message(self, state: dict[str, Any]) -> None:
        if self.may_write_state() and state != self._written_state:
            super()._write_state_message(state)
            self._written_state = state

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if not hasattr(self, "termination"):
            # The SDK sets its handlers before there is anything to finish.
            raise SystemExit(128 + signum)
        self.termination.signalled(signum)


def _kind(err: BaseException) -> str:
    return type(err.__cause__ or err).__name__
