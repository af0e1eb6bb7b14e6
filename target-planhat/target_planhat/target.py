"""The target: settings, and the glue between the SDK and the parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.plugin_base import _ConfigInput

from planhat_api import Connection, PlanhatClient
from planhat_api.plugin_settings import check_environment, check_secrets
from planhat_api.process import expect_many_rows
from target_planhat.batch_files import records_of
from target_planhat.checkpoint import Checkpoint
from target_planhat.errors import KNOWN_ERRORS, exit_code, tell
from target_planhat.order import rank
from target_planhat.reader import MessageReader
from target_planhat.record_path import RecordPath
from target_planhat.routing import find_route
from target_planhat.run import Run
from target_planhat.sdk_hooks import HookedTarget
from target_planhat.settings import SETTINGS, TargetSettings, unknown_settings
from target_planhat.sinks import sink_class
from target_planhat.termination import Termination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.sinks import Sink

    from target_planhat.reader import RecordMessage
    from target_planhat.sink import PlanhatSink

__all__ = ["TargetPlanhat"]

_STANDARD_INPUT = 0


class TargetPlanhat(HookedTarget):
    """Writes Singer streams to Planhat and knows the fate of every record."""

    name = "target-planhat"
    package_name = "target-planhat"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    message_reader_class = MessageReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 # what the SDK passes
        """Check the settings; nothing is sent or read.

        Raises:
            StopError: Settings that contradict each other.
            ConfigurationError: A setting of the connection is wrong.
        """
        self.append_builtin_config(self.config_jsonschema)
        if isinstance(kwargs.get("config"), Mapping):
            check_secrets(kwargs["config"], self.config_jsonschema)
        if kwargs.get("parse_env_config"):
            check_environment(os.environ, self._env_var_prefix, self.config_jsonschema)
        super().__init__(**kwargs)
        for told in unknown_settings(self.config):
            self.logger.warning("%s", told)
        settings = TargetSettings.from_config(self.config)
        connection = Connection.from_settings(self.config)
        can_push = bool(self.config.get("tenant_token"))
        self.run = Run(settings, lambda: PlanhatClient(connection), self.logger, can_push=can_push)
        self.checkpoint = Checkpoint(settings.checkpoint_seconds)
        # No message is at hand yet: a signal that comes before the first one ends the run at once.
        self.reader.waiting = True
        self.termination = Termination(self.logger, lambda: self.reader.waiting, self._end_of_input)
        self.reader.watch = (settings.checkpoint_seconds, self._while_waiting)
        self.records = RecordPath(self, self.logger)
        self.input_stream = ""

    @property
    def reader(self) -> MessageReader:
        """The reader, which holds the message at hand."""
        return cast("MessageReader", self.message_reader)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Leave out the built-in setting that has no meaning here."""
        super().append_builtin_config(config_jsonschema)
        config_jsonschema["properties"].pop("add_record_metadata", None)

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """The sink for a stream.

        Raises:
            SettingsError: The stream is no model of Planhat.
        """
        settings = self.run.settings.of_stream(stream_name)
        return sink_class(find_route(stream_name, settings.model).way, settings.mode)

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self.input_stream = str(message_dict.get("stream"))
        self.run.rejects.announce(
            self.input_stream, message_dict.get("schema") or {}, message_dict.get("key_properties") or []
        )
        self.reader.shortcut = None
        self.records.forget(self.input_stream)
        super()._process_schema_message(message_dict)

    def take_record(self, message: RecordMessage) -> bool:
        """Handle a RECORD message the short way; False when it must go through the SDK."""
        sink = self.records.sink(message.stream)
        if sink is None:
            self.reader.shortcut = None
            return False
        self.reader.shortcut = partial(self._shortcut, sink)
        sink.take_directly(self.reader.decoded_record())
        if sink.is_full:
            self.drain_one(sink)
        self.between_messages()
        return True

    def _shortcut(self, sink: PlanhatSink, lines: Sequence[bytes], start: int) -> int:
        taken = sink.take_messages(lines, start)
        if taken:
            self.between_messages()
        return taken

    def sink_of(self, stream: str) -> PlanhatSink | None:
        """The sink in use for a stream."""
        return cast("PlanhatSink", self.get_sink(stream)) if self.sink_exists(stream) else None

    def take_batch(self, message: dict[str, Any]) -> None:
        """Handle each line of the files of a BATCH message as a RECORD, with all rules that hold for one."""
        for line in records_of(message):
            self._process_record_message(self.reader.inject(str(message["stream"]), line.strip()))

    def may_write_state(self) -> bool:
        """Settle everything sent; say whether all rows before STATE are delivered or safely set aside."""
        self.run.sender.settle()
        self.run.judge()
        self.run.secure()
        if self.run.held:
            self.logger.debug("STATE waits for %s rows that wait for their company", len(self.run.held))
        return not self.run.held

    def _while_waiting(self) -> None:
        """Send what is pending although no message comes to ask whether it is time."""
        if not self.reader.waiting:
            return
        if self.termination.requested:
            # It came after the look at signals that follows each message, and before the wait.
            self.termination.end()
        if not self.checkpoint.due:
            return
        # A signal that comes meanwhile is only noted, as if a message were being handled.
        self.reader.waiting = False
        self.between_messages()
        self.reader.waiting = True
        if self.termination.requested:
            self.termination.end()

    def process_endofpipe(self) -> None:
        """Send what is pending, tell the summary."""
        self._end_of_input()

    def _end_of_input(self) -> None:
        self._send_all()
        self.run.judge(at_end=True)
        self.drain_all(is_endofpipe=True)

    def _send_all(self) -> None:
        for sink in sorted(self.run.sinks, key=lambda sink: rank(sink.model)):
            self.drain_one(sink)
        self.run.sender.settle()
        for sink, items in self.run.held.release():
            for start in range(0, len(items), sink.max_size):
                sink.send(items[start : start + sink.max_size])
        self.run.sender.settle()

    @classmethod
    def invoke(  # type: ignore[override] # as in the SDK's own target
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the command; every known way to fail ends with its own exit code and a line that says why."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        expect_many_rows(_STANDARD_INPUT)
        given = config or _ConfigInput()
        target: TargetPlanhat | None = None
        try:
            target = cls(config=given.config, parse_env_config=given.parse_env)
            target.listen(file_input)
        except KNOWN_ERRORS as err:
            tell(err, cls.logger)
            sys.exit(exit_code(err))
        finally:
            if target:
                target.run.close()
