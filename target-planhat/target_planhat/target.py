"""The target: settings, and the glue between the SDK and the parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.plugin_base import _ConfigInput

from planhat_api import Connection, Deadline, PlanhatClient
from planhat_api.plugin.expressions import STREAM_MAPS
from planhat_api.plugin.output import writing_output
from planhat_api.plugin.process_tuning import tune_for_many_rows
from planhat_api.plugin.settings import (
    check_environment,
    given_settings,
    unknown_settings,
    unknown_variables,
    without_faults,
)
from target_planhat.command import TargetCommand, settings_in
from target_planhat.delivery.ways.stream_settings import check_block
from target_planhat.ending import run_to_its_end
from target_planhat.errors import InputError, quoted
from target_planhat.intake.batch_files import records_of
from target_planhat.intake.checkpoint import Checkpoint
from target_planhat.intake.messages import KINDS
from target_planhat.intake.reader import MessageReader
from target_planhat.intake.signals import Termination
from target_planhat.intake.undeclared import UndeclaredStreams
from target_planhat.outcomes.absent_streams import tell_of_absent_streams
from target_planhat.outcomes.advice import note_config
from target_planhat.record_path import RecordPath
from target_planhat.rows.keys import key_in
from target_planhat.rows.routing import find_route
from target_planhat.rows.schema_check import check_schema
from target_planhat.run import Run
from target_planhat.sdk_hooks import HookedTarget
from target_planhat.settings import NO_LONGER, SETTINGS, TargetSettings
from target_planhat.sink import PlanhatSink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.sinks import Sink

    from target_planhat.intake.messages import ActivateVersionMessage, BatchMessage, RecordMessage, SchemaMessage

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
            kwargs["config"] = given_settings(kwargs["config"], self.config_jsonschema)
        if kwargs.get("parse_env_config"):
            check_environment(os.environ, self._env_var_prefix, self.config_jsonschema)
        super().__init__(**kwargs)
        misspelt = unknown_variables(os.environ, self._env_var_prefix, self.config_jsonschema, NO_LONGER)
        for told in (*unknown_settings(self.config, self.config_jsonschema, NO_LONGER), *misspelt):
            self.logger.warning("%s", told)
        settings = TargetSettings.from_config(self.config)
        connection = Connection.from_settings(self.config)
        can_push = bool(self.config.get("tenant_token"))
        deadline = Deadline()
        self.run = Run(settings, lambda: PlanhatClient(connection, deadline), self.logger, can_push=can_push)
        self.checkpoint = Checkpoint(settings.checkpoint_seconds)
        # No message is at hand yet: a signal that comes before the first one ends the run at once.
        self.reader.waiting = True
        self.termination = Termination(self.logger, deadline, lambda: self.reader.waiting, self._end_of_input)
        self.reader.watch = (settings.checkpoint_seconds, self._while_waiting)
        self.records = RecordPath(self, self.logger, self._leave_out_record)
        self.undeclared = UndeclaredStreams()
        self._schemas: dict[str, SchemaMessage] = {}

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Leave out the built-in setting that has no meaning here."""
        super().append_builtin_config(config_jsonschema)
        properties = config_jsonschema["properties"]
        properties.pop("add_record_metadata", None)
        properties[STREAM_MAPS] = without_faults(properties[STREAM_MAPS])

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """The sink for a stream.

        Raises:
            SettingsError: The stream is no model of Planhat, or its block asks for what that model cannot do.
        """
        settings = self.run.settings.of_stream(stream_name)
        route = find_route(stream_name, settings.model)
        check_block(stream_name, route, self.run.settings.streams.get(stream_name, {}))
        return PlanhatSink

    def take_schema(self, message: SchemaMessage) -> bool:
        """Handle a SCHEMA message; False when the SDK is to make its sinks."""
        known = self._schemas.get(message.stream)
        if known is None or not known.says_the_same(message):
            check_schema(message.stream, message.schema, message.place)
            self._schemas[message.stream] = message
        self.run.ledger.rejects.announce(message.stream, message.schema, message.key_properties or [])
        self.reader.shortcut = None
        self.records.forget()
        return self.undeclared.hold(message)

    def take_version(self, message: ActivateVersionMessage) -> None:
        """Handle an ACTIVATE_VERSION message."""
        self._expect_schema(message)
        for sink in self._sinks_of(message.stream):
            sink.activate_version(message.version)

    def _sinks_of(self, stream: str) -> list[PlanhatSink]:
        """The sinks in use for what stream maps make of a stream; none as long as its columns are not known."""
        sinks = (self.sink_of(made.stream_alias) for made in self.kept_maps(stream))
        return [sink for sink in sinks if sink is not None]

    def _expect_schema(self, message: ActivateVersionMessage | BatchMessage | RecordMessage) -> None:
        if message.stream not in self.mapper.stream_maps and message.stream not in self.undeclared:
            kind, stream = KINDS[type(message)], quoted(message.stream)
            msg = f"{message.place}: {kind} of stream {stream} comes before a SCHEMA of that stream"
            raise RecordsWithoutSchemaException(msg)

    def take_record(self, message: RecordMessage) -> bool:
        """Handle a RECORD message the short way; False when it must go through the SDK."""
        if message.stream in self.undeclared:
            self._take_undeclared(message)
            return True
        if message.fault is not None:
            self._refuse(message)
            return True
        sink = self.records.sink(message.stream) if message.copy is None else None
        if sink is None:
            self._expect_schema(message)
            mapped = self.records.mapped(message.stream) if message.copy is None else None
            self.reader.shortcut = partial(self._shortcut, mapped.take) if mapped else None
            return False
        self.reader.shortcut = partial(self._shortcut, sink.take_messages)
        sink.take_message(message)
        if sink.is_full:
            self.drain_one(sink)
        self.between_messages()
        return True

    def _take_undeclared(self, message: RecordMessage) -> None:
        """Take a record of a stream whose SCHEMA waits for one."""
        schema = self.undeclared.declared_by(message)
        if schema is None:
            self.note_counted(1)
            return
        self.make_sinks(schema)
        self._process_record_message(message)

    def make_sinks(self, message: SchemaMessage) -> None:
        """Make the sinks of a stream, and give them the lines that have waited for its columns."""
        super().make_sinks(message)
        for early in self.undeclared.take_early(message.stream):
            self._process_record_message(early)

    def _refuse(self, message: RecordMessage) -> None:
        """Reject a line that is no record; not if stream maps leave out its stream."""
        self._expect_schema(message)
        sinks = self._sinks_of(message.stream)
        if not sinks:
            self.leave_out(message)
        for sink in sinks[:1]:
            sink.refuse_line(message)
            if sink.is_full:
                self.drain_one(sink)
        self.between_messages()

    def leave_out(self, message: RecordMessage) -> None:
        """Count a record that stream maps leave out."""
        self.note_counted(1)
        self._leave_out_record(message.stream, message.record, message.attempt)

    def _leave_out_record(self, stream: str, record: Mapping[str, Any], attempt: int = 1) -> None:
        keys = self._schemas[stream].key_properties or ()
        self.run.ledger.leave_out(stream, key_in(record, keys), attempt)

    def _shortcut(self, take: Callable[[Sequence[bytes], int], int], lines: Sequence[bytes], start: int) -> int:
        taken = take(lines, start)
        if taken:
            self.between_messages()
        return taken

    def take_batch(self, message: BatchMessage) -> None:
        """Handle each line of the files of a BATCH message as a RECORD, with all rules that hold for one."""
        self._expect_schema(message)
        for record in records_of(message):
            self._process_record_message(record)

    def _while_waiting(self) -> None:
        """Send what is pending although no message comes to ask whether it is time."""
        if not self.reader.waiting:
            return
        if self.termination.requested:
            # It came before the wait, and not every message is followed by a look at signals.
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
        """Send what is pending.

        Raises:
            SystemExit: A signal came before: what is missing in the input tells nothing.
            InputError: Lines are left of a stream that no record has declared.
        """
        if self.termination.requested:
            self.termination.end()
        self._end_of_input()
        came = list(self._schemas)
        made = {one.stream_alias for stream in came for one in self.mapper.stream_maps.get(stream, ())}
        tell_of_absent_streams(self.logger, self.mapper.stream_maps_dict, self.run.settings.streams, came, made)
        if self.undeclared.early:
            first = self.undeclared.early[0]
            why = first.fault or f"{first.place}: the record is empty"
            msg = f"the SCHEMA of stream {quoted(first.stream)} names no columns, and no record does either: {why}"
            raise InputError(msg)

    def _end_of_input(self) -> None:
        self.run.dispatcher.send_all()
        self.run.ledger.judge(at_end=True)
        self.drain_all(is_endofpipe=True)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """The settings in the files that `--config` names.

        Raises:
            ConfigurationError: One of them holds no settings.
        """
        del param
        note_config(ctx, value)
        settings, parse_env = settings_in(value)
        return _ConfigInput(settings, parse_env=parse_env)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The command of the target."""
        command = super().get_singer_command()
        return TargetCommand(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            params=command.params,
            help=command.help,
            logger=cls.logger,
        )

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
            with writing_output():
                cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        tune_for_many_rows(_STANDARD_INPUT)
        given = config or _ConfigInput()
        make = partial(cls, config=given.config, parse_env_config=given.parse_env)
        sys.exit(run_to_its_end(make, file_input, cls.logger))
