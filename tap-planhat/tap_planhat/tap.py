"""The tap: the SDK's class that offers the streams."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.singerlib import Schema

from planhat_api.errors import ConfigurationError
from planhat_api.http.figures import CallFigures
from planhat_api.plugin.exit_codes import SIGNALS
from planhat_api.plugin.expressions import STREAM_MAPS
from planhat_api.plugin.files import read_settings
from planhat_api.plugin.output import writing_output
from planhat_api.plugin.settings import (
    check_environment,
    given_settings,
    unknown_settings,
    unknown_variables,
    without_faults,
    words_for,
)
from planhat_api.redaction import shortened
from tap_planhat.command import PlanhatCommand
from tap_planhat.input.catalog_file import fault_of_catalog
from tap_planhat.input.files import read_file_option
from tap_planhat.input.selection import selection_warnings, selects_column
from tap_planhat.input.state_file import fault_of_state, without_foreign_parts
from tap_planhat.output.messages import BufferedWriter
from tap_planhat.records.custom_fields import custom_fields_by_parent, custom_fields_of, days_among
from tap_planhat.records.schemas import stream_schema
from tap_planhat.sdk_maps import CheckedMapper
from tap_planhat.settings import ADVICE, CONFIG_SCHEMA, NO_LONGER, check_settings
from tap_planhat.streams.classes import offered_models, stream_class
from tap_planhat.streams.definitions import Definitions
from tap_planhat.streams.first_lists import FirstLists
from tap_planhat.streams.list_memory import ListMemory
from tap_planhat.streams.shared import SharedServices
from tap_planhat.streams.source import source_of
from tap_planhat.summary import Summary

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import FrameType

    import click
    from singer_sdk.singerlib import Catalog

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model
    from tap_planhat.streams.base import PlanhatStream


_ENVIRONMENT = "ENV"
_IN_CONFIG = re.compile(r"(.*) in config\['(\w+)'\].*", re.DOTALL)
_CHECKS = {"catalog": fault_of_catalog, "state": fault_of_state}


class TapPlanhat(Tap):
    """Reads every Planhat model and the daily metrics."""

    name = "tap-planhat"
    config_jsonschema = CONFIG_SCHEMA
    # Discovery needs the token, because the schemas of custom fields come from their definitions in Planhat.
    dynamic_catalog = True
    message_writer_class = BufferedWriter

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- what the SDK passes
        """Check the settings.

        Raises:
            ConfigurationError: A setting has the wrong type. The SDK's own error would end each command differently.
        """
        self.summary = Summary()
        with self.summary.counting_warnings():
            self._set_up(*args, **options)

    def _set_up(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- what the SDK passes
        self.append_builtin_config(self.config_jsonschema)
        self._given_state: Mapping[str, Any] = options.get("state") or {}
        self._definitions = Definitions()
        if isinstance(options.get("config"), Mapping):
            options["config"] = given_settings(options["config"], self.config_jsonschema)
        if options.get("parse_env_config"):
            check_environment(os.environ, self._env_var_prefix, self.config_jsonschema)
        try:
            super().__init__(*args, **options)
        except ConfigValidationError as error:
            texts = [_message_of(text) for text in error.errors or [str(error)]]
            raise ConfigurationError(setting="settings", message="; ".join(texts)) from None
        misspelt = unknown_variables(os.environ, self._env_var_prefix, self.config_jsonschema, NO_LONGER)
        for warning in (*unknown_settings(self.config, self.config_jsonschema, NO_LONGER), *misspelt):
            self.logger.warning("%s", warning)
        if self.input_catalog is not None:
            for warning in selection_warnings(self.input_catalog, [model.stream for model in offered_models()]):
                self.logger.warning("%s", warning)

    def sync_and_sum_up(self) -> None:
        """Read all selected streams and log a summary at the end, also when the run ends early."""
        complete = False
        try:
            with self.summary.counting_warnings():
                self._note_definitions()
                self.sync_all()
            complete = True
        finally:
            client: PlanhatClient | None = vars(self).get("client")
            figures = (
                CallFigures(client.calls, client.seconds_waited, client.calls_retried) if client else CallFigures()
            )
            self.summary.log(self.logger, figures, complete=complete)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        parts, left = without_foreign_parts(state)
        if parts:
            self.logger.warning(
                "The state holds bookmarks of dimension data for %d single companies, which are no longer used: "
                "the days of these bookmarks are read again, for all companies",
                parts,
            )
        super().load_state(left)

    @override
    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        super().append_builtin_config(config_jsonschema)
        properties = config_jsonschema["properties"]
        properties[STREAM_MAPS] = without_faults(properties[STREAM_MAPS])

    @cached_property
    def client(self) -> PlanhatClient:
        """The client that all streams share."""
        from planhat_api import Connection, PlanhatClient  # noqa: PLC0415 -- slow to import, and --about does not need it

        return PlanhatClient(Connection.from_settings(self.config))

    @override
    @classmethod
    def get_singer_command(cls) -> PlanhatCommand:
        command = super().get_singer_command()
        for param in command.params:
            if check := _CHECKS.get(param.name or ""):
                read_file_option(param, check)
        return PlanhatCommand(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            params=command.params,
            help=command.help,
            logger=cls.logger,
        )

    @override
    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        files = [path for path in value if path != _ENVIRONMENT]
        return _ConfigInput(read_settings(files), parse_env=len(files) < len(value))

    @override
    @classmethod
    def invoke(  # type: ignore[override] # the options hold the content of the files, not their paths
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
    ) -> None:
        if about:
            with writing_output():
                cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        given = config or _ConfigInput()
        cls(config=given.config, state=state, catalog=catalog, parse_env_config=given.parse_env).sync_and_sum_up()

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the run between two messages: a STATE written from here could end up inside a RECORD line."""
        if isinstance(self.message_writer, BufferedWriter):
            self.message_writer.stop(SIGNALS + signum)
        else:
            sys.exit(SIGNALS + signum)

    @override
    def discover_streams(self) -> list[PlanhatStream]:
        check_settings(self.config)
        shared = SharedServices(
            self,
            self.client,
            self.summary,
            self._custom_days,
            FirstLists(self._streams_to_read),
            self._definitions,
        )
        return [
            stream_class(model)(shared, model, stream_schema(model, self._custom_fields(model)))
            for model in offered_models()
        ]

    def _streams_to_read(self) -> Iterator[PlanhatStream]:
        """The streams that may begin before their turn, in order."""
        if self.config["parallel_calls"] == 1:
            return iter(())
        return (cast("PlanhatStream", stream) for stream in self.streams.values() if stream.selected)

    @override
    def setup_mapper(self) -> None:
        if self.input_catalog:
            self._refresh_custom_fields(self.input_catalog)
        try:
            self.mapper = CheckedMapper(dict(self.config), self.logger)
            self.mapper.register_raw_streams_from_catalog(self.catalog)
        except ValueError as error:
            raise ConfigurationError(setting="flattening", message=f"cannot work: {shortened(str(error))}") from None

    def _refresh_custom_fields(self, catalog: Catalog) -> None:
        """Update the types of ``custom`` in a catalog, which may be older than the tenant's latest custom field."""
        for model in offered_models():
            entry = catalog.get_stream(model.stream)
            if entry is None or not entry.schema.properties or "custom" not in entry.schema.properties:
                continue
            if fields := self._custom_fields(model):
                entry.schema.properties["custom"].properties = {
                    name: Schema.from_dict(schema) for name, schema in fields.items()
                }

    def _custom_fields(self, model: Model) -> Mapping[str, dict[str, Any]]:
        return custom_fields_of(model, self._custom_fields_by_parent)

    def _custom_days(self, model: Model) -> Collection[str]:
        return custom_fields_of(model, self._custom_days_by_parent).keys()

    @cached_property
    def _custom_fields_by_parent(self) -> Mapping[str, Mapping[str, dict[str, Any]]]:
        return custom_fields_by_parent(self._custom_definitions)

    @cached_property
    def _custom_days_by_parent(self) -> Mapping[str, Mapping[str, dict[str, Any]]]:
        return custom_fields_by_parent(days_among(self._custom_definitions))

    @cached_property
    def _custom_definitions(self) -> Sequence[Mapping[str, Any]]:
        """The definitions of the tenant's custom fields.

        They are empty if no stream needs them, or if the settings or the token do not allow to read them; then
        ``custom`` is an open object.
        """
        is_needed = self.input_catalog is None or selects_column(self.input_catalog, "custom")
        if not is_needed or not self.config["custom_field_definitions"]:
            return ()
        from planhat_api import AccessError, NotFoundError  # noqa: PLC0415 -- as above

        try:
            is_proof = bool(self.config["emit_activate_version_messages"])
            pages = self._definitions.get(self.client, self._memory_of_definitions, is_proof=is_proof)
            return [row for page in pages for row in page.records()]
        except (AccessError, NotFoundError) as error:
            self.logger.warning(
                "`custom` has no types, because this token cannot read the definitions of custom fields: %s", error
            )
            return ()

    def _note_definitions(self) -> None:
        """Note what the read of the definitions showed, if their own stream does not do it."""
        stream = self.streams["custom_fields"]
        if self._definitions.read and not stream.selected:
            source = cast("PlanhatStream", stream).source
            memory = ListMemory(stream.get_context_state(None), source, self.config["full_read_days"])
            memory.note({}, self._definitions.read.found)

    @property
    def _memory_of_definitions(self) -> ListMemory:
        """What the state knows of the list of definitions. The SDK loads the state only after the schemas are made."""
        from planhat_api import Connection  # noqa: PLC0415 -- as above

        bookmarks = self._given_state.get("bookmarks")
        state = bookmarks.get("custom_fields") if isinstance(bookmarks, Mapping) else None
        source = source_of(Connection.from_settings(self.config), "")
        return ListMemory(dict(state) if isinstance(state, Mapping) else {}, source, self.config["full_read_days"])


def _message_of(error: str) -> str:
    """The SDK's error about a setting, with the name of the setting first."""
    found = _IN_CONFIG.fullmatch(words_for(error))
    if not found:
        return shortened(words_for(error))
    said = shortened(f"{found[2]}: {found[1]}")
    return f"{said} ({ADVICE[found[2]]})" if found[2] in ADVICE else said
