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

if TYPE_CHECKING:
    from types import FrameType

    from target_planhat.checkpoint import Checkpoint
    from target_planhat.reader import MessageReader, RecordMessage
    from target_planhat.termination import Termination
    from target_planhat.values import Json

__all__ = ["OVERRIDDEN", "HookedTarget"]

OVERRIDDEN = (
    "_handle_max_record_age",
    "_handle_termination",
    "_process_batch_message",
    "_process_record_message",
    "_process_state_message",
    "_write_state_message",
)
"""Names of the SDK's target that this module overrides."""


class HookedTarget(Target, ABC):
    """A target whose STATE, checkpoints and signals are its own."""

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
    def take_batch(self, message: dict[str, Any]) -> None:
        """Handle a BATCH message."""

    @abstractmethod
    def take_record(self, message: RecordMessage) -> bool:
        """Handle a RECORD message the short way; False when it must go through the SDK."""

    def _process_record_message(self, message_dict: Json) -> None:
        if not self.take_record(message_dict):
            self._take_through_sdk(self.reader.whole_message())

    def _take_through_sdk(self, message: dict[str, Any]) -> None:
        try:
            super()._process_record_message(message)
        except Exception as err:
            if all(frame.f_globals.get("__name__") != mapper.__name__ for frame, _ in walk_tb(err.__traceback__)):
                raise
            # Without its cause: the texts of what expressions call quote the record.
            msg = f"stream_maps: an expression for stream {message['stream']!r} fails on a record ({_kind(err)})"
            raise SettingsError(msg) from None

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        self.take_batch(message_dict)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        super()._process_state_message(message_dict)
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
