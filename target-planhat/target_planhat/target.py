"""The target, which connects the SDK with the packages of this project."""

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
from target_planhat.clock import SystemClock
from target_planhat.command import TargetCommand, settings_in
from target_planhat.delivery.sent.place import ledger_file
from target_planhat.delivery.ways.settings_check import check_block
from target_planhat.errors import InputError, quoted
from target_planhat.execution import execute
from target_planhat.intake.batch_files import records_of
from target_planhat.intake.checkpoint import Checkpoint
from target_planhat.intake.messages import KINDS
from target_planhat.intake.reader import MessageReader
from target_planhat.intake.signals import Termination
from target_planhat.intake.streams_without_columns import StreamsWithoutColumns
from target_planhat.outcomes.next_steps import note_config
from target_planhat.outcomes.unused_settings import log_unused_settings
from target_planhat.plan.plan_file import PlanFile
from target_planhat.plan_header import check_header, settings_digests, tenant_fingerprint
from target_planhat.rows.keys import key_in
from target_planhat.rows.routing import find_route
from target_planhat.rows.schema_check import check_schema
from target_planhat.run import Run
from target_planhat.sdk_bypass import SdkBypass
from target_planhat.sdk_hooks import HookedTarget
from target_planhat.settings import NO_LONGER, SETTINGS, TargetSettings, with_words
from target_planhat.sink import PlanhatSink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.sinks import Sink

    from target_planhat.clock import Clock
    from target_planhat.intake.messages import ActivateVersionMessage, BatchMessage, RecordMessage, SchemaMessage
    from target_planhat.plan_header import PlanHeader

__all__ = ["TargetPlanhat"]

_STANDARD_INPUT = 0


class TargetPlanhat(HookedTarget):
    """Writes Singer streams to Planhat and reports the outcome of each record."""

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
        """Check the settings. Nothing is sent or read.

        Raises:
            StopError: Settings that contradict each other.
            ConfigurationError: A setting of the connection is wrong.
        """
        self.append_builtin_config(self.config_jsonschema)
        if isinstance(kwargs.get("config"), Mapping):
            kwargs["config"] = with_words(given_settings(kwargs["config"], self.config_jsonschema))
        if kwargs.get("parse_env_config"):
            check_environment(os.environ, self._env_var_prefix, self.config_jsonschema)
        super().__init__(**kwargs)
        misspelt = unknown_variables(os.environ, self._env_var_prefix, self.config_jsonschema, NO_LONGER)
        for warning in (*unknown_settings(self.config, self.config_jsonschema, NO_LONGER), *misspelt):
            self.logger.warning("%s", warning)
        settings = TargetSettings.from_config(self.config)
        connection = Connection.from_settings(self.config)
        can_push = bool(self.config.get("tenant_token"))
        deadline = Deadline()
        self._fingerprint = tenant_fingerprint(connection)
        self._settings_digests = settings_digests(self.config)
        path = settings.plan_file if settings.write == "nothing" else None
        self.run = Run(
            settings,
            lambda: PlanhatClient(connection, deadline),
            self.make_clock(deadline),
            self.logger,
            can_push=can_push,
            plan_file=PlanFile(path, self._fingerprint, self._settings_digests) if path else None,
            ledger_file=ledger_file(settings, connection, self._settings_digests),
        )
        self.reader.on_plan = self._apply_plan
        self.checkpoint = Checkpoint(settings.checkpoint_seconds)
        # There is no message yet: a signal before the first message ends the run at once.
        self.reader.waiting = True
        self.termination = Termination(self.logger, deadline, lambda: self.reader.waiting, self._end_of_input)
        self.reader.watch = (settings.checkpoint_seconds, self._while_waiting)
        self.bypass = SdkBypass(self, self.logger, self._leave_out_record)
        self.without_columns = StreamsWithoutColumns()
        self._schemas: dict[str, SchemaMessage] = {}

    @staticmethod
    def make_clock(deadline: Deadline) -> Clock:
        """The clock of the run."""
        return SystemClock(deadline)

    def _apply_plan(self, header: PlanHeader) -> None:
        """Prepare to carry out a plan. Its rows are finished, so stream maps do not change them.

        Raises:
            SettingsError: The plan is too old, or was made for another tenant or with other settings.
        """
        check_header(header, self._fingerprint, self._settings_digests, self.run.settings.plan_max_age)
        self.logger.info("The input is a plan of %s", header.made_at)
        self.setup_mapper(with_maps=False)
        self.run.apply_plan()

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Leave out the built-in setting that has no effect in this target."""
        super().append_builtin_config(config_jsonschema)
        properties = config_jsonschema["properties"]
        properties.pop("add_record_metadata", None)
        properties[STREAM_MAPS] = without_faults(properties[STREAM_MAPS])

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """The class of the sink for a stream.

        Raises:
            SettingsError: The stream is not a model of Planhat, or its settings are not possible for that model.
        """
        settings = self.run.settings.of_stream(stream_name)
        route = find_route(stream_name, settings.model)
        check_block(stream_name, route, self.run.settings.streams.get(stream_name, {}))
        return PlanhatSink

    def handle_schema(self, message: SchemaMessage) -> bool:
        """Handle a SCHEMA message. False if its sinks must be created."""
        known = self._schemas.get(message.stream)
        if known is None or not known.is_equal_to(message):
            check_schema(message.stream, message.schema, message.place)
            self._schemas[message.stream] = message
        self.run.ledger.rejects.announce(message.stream, message.schema, message.key_properties or [])
        self.reader.shortcut = None
        self.bypass.forget()
        return self.without_columns.hold(message)

    def handle_version(self, message: ActivateVersionMessage) -> None:
        """Handle an ACTIVATE_VERSION message."""
        self._expect_schema(message)
        for sink in self._sinks_of(message.stream):
            sink.activate_version(message.version)

    def _sinks_of(self, stream: str) -> list[PlanhatSink]:
        """The sinks of the streams that stream maps make of a stream; none if its columns are not known yet."""
        sinks = (self.sink_of(made.stream_alias) for made in self.kept_maps(stream))
        return [sink for sink in sinks if sink is not None]

    def _expect_schema(self, message: ActivateVersionMessage | BatchMessage | RecordMessage) -> None:
        if message.stream not in self.mapper.stream_maps and message.stream not in self.without_columns:
            kind, stream = KINDS[type(message)], quoted(message.stream)
            msg = f"{message.place}: {kind} of stream {stream} comes before a SCHEMA of that stream"
            raise RecordsWithoutSchemaException(msg)

    def handle_record(self, message: RecordMessage) -> bool:
        """Handle a RECORD message without the SDK. False if the SDK must handle it."""
        if message.stream in self.without_columns:
            self._handle_record_without_columns(message)
            return True
        if message.fault is not None:
            self._refuse(message)
            return True
        sink = self.bypass.sink(message.stream) if message.copy is None else None
        if sink is None:
            self._expect_schema(message)
            mapped = self.bypass.mapped(message.stream) if message.copy is None else None
            self.reader.shortcut = partial(self._shortcut, mapped.handle) if mapped else None
            return False
        self.reader.shortcut = partial(self._shortcut, sink.add_messages)
        sink.add_message(message)
        if sink.is_full:
            self.drain_one(sink)
        self.between_messages()
        return True

    def _handle_record_without_columns(self, message: RecordMessage) -> None:
        """Handle a record of a stream whose columns are not known yet."""
        schema = self.without_columns.schema_with_columns_of(message)
        if schema is None:
            self.note_counted(1)
            return
        self.make_sinks(schema)
        self._process_record_message(message)

    def make_sinks(self, message: SchemaMessage) -> None:
        """Create the sinks of a stream. Then process the records that waited for its columns."""
        super().make_sinks(message)
        for waiting_records in self.without_columns.take_records(message.stream):
            self._process_record_message(waiting_records)

    def _refuse(self, message: RecordMessage) -> None:
        """Reject a line that is not a record, unless stream maps leave out its stream."""
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
        self.run.ledger.add_left_out(stream, key_in(record, keys), attempt)

    def _shortcut(self, handle: Callable[[Sequence[bytes], int], int], lines: Sequence[bytes], start: int) -> int:
        handled = handle(lines, start)
        if handled:
            self.between_messages()
        return handled

    def handle_batch(self, message: BatchMessage) -> None:
        """Handle each line in the files of a BATCH message like a RECORD message."""
        self._expect_schema(message)
        for record in records_of(message):
            self._process_record_message(record)

    def _while_waiting(self) -> None:
        """Send pending rows if it is time, although no message comes."""
        if not self.reader.waiting:
            return
        if self.termination.requested:
            # The signal came before the wait. Signals are not checked after every message.
            self.termination.end()
        if not self.checkpoint.due:
            return
        # A signal that comes now is only noted, as while a message is handled.
        self.reader.waiting = False
        self.between_messages()
        self.reader.waiting = True
        if self.termination.requested:
            self.termination.end()

    def process_endofpipe(self) -> None:
        """Send pending rows at the end of the input.

        Raises:
            SystemExit: A signal came before, so that the input may be incomplete.
            InputError: A stream has records, but neither its SCHEMA nor a record names columns.
        """
        if self.termination.requested:
            self.termination.end()
        self._end_of_input()
        read = list(self._schemas)
        made = {one.stream_alias for stream in read for one in self.mapper.stream_maps.get(stream, ())}
        log_unused_settings(self.logger, self.mapper.stream_maps_dict, self.run.settings.streams, read, made)
        if self.without_columns.waiting_records:
            first = self.without_columns.waiting_records[0]
            why = first.fault or f"{first.place}: the record is empty"
            msg = f"the SCHEMA of stream {quoted(first.stream)} names no columns, and no record does either: {why}"
            raise InputError(msg)

    def _end_of_input(self) -> None:
        self.run.dispatcher.send_all()
        self.run.ledger.check_policy(at_end=True)
        self.drain_all(is_endofpipe=True)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """The settings in the files that `--config` names.

        Raises:
            ConfigurationError: A file contains no settings.
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
        """Run the command. Every known error has its own exit code and a log line with the reason."""
        if about:
            with writing_output():
                cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        tune_for_many_rows(_STANDARD_INPUT)
        given = config or _ConfigInput()
        make = partial(cls, config=given.config, parse_env_config=given.parse_env)
        sys.exit(execute(make, file_input, cls.logger))
