"""The SDK's sink, which adds the rows of one stream to a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from singer_sdk.sinks import BatchSink

from planhat_api import Outcome
from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.declared_stream import DeclaredStream
from target_planhat.rows.item import Item
from target_planhat.rows.keys import key_in
from target_planhat.rows.made_rows import MadeRows
from target_planhat.rows.plan_rows import PlanRows
from target_planhat.rows.routing import find_route
from target_planhat.rows.schema_check import check_key_columns
from target_planhat.rows.stream_rows import StreamRows
from target_planhat.rows.wide_rows import WideRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk.sinks import Sink
    from singer_sdk.sinks.core import BaseJSONSchemaValidator
    from singer_sdk.target_base import Target

    from target_planhat.intake.messages import RecordMessage
    from target_planhat.rows.values import Json
    from target_planhat.run import Run

__all__ = ["PlanhatSink"]


class Host(Protocol):
    """What a sink needs from its target, in addition to what the SDK's sinks need."""

    run: Run
    announced_stream: str
    """The stream whose SCHEMA is being handled."""

    def drain_one(self, sink: Sink) -> None:
        """Send the batch of a sink, and measure the time."""

    def message_for(self, made: str) -> RecordMessage:
        """The message whose record the SDK is processing, for a stream that stream maps make of it."""

    def note_counted(self, number: int) -> None:
        """Note how many records of the current lines are counted in the summary."""


class PlanhatSink(BatchSink):
    """The sink of every stream.

    The SDK's validation is off, because an invalid record would end the run or stay in the batch. Here it is rejected.
    The SDK's batch context is not used, because the batch belongs to the channel.

    Attributes:
        input_stream: The stream of its records in the input.
    """

    def __init__(
        self, target: Target, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Check the columns of the stream.

        Raises:
            SettingsError: The columns are wrong. No row of the stream was sent.
            InputError: The schema of the stream is not JSON Schema.
        """
        self._keys = tuple(key_properties or ())
        check_key_columns(stream_name, schema, self._keys)
        super().__init__(target, stream_name, schema, None)
        self._host = cast("Host", target)
        self._uncounted = 0
        run, self.input_stream = self._host.run, self._host.announced_stream
        declared = DeclaredStream.of(stream_name, self.input_stream, self.original_schema, self._keys)
        # With date formats, the SDK would turn dates into objects. The right form is known from the model.
        self.schema = {**schema, "properties": _without_formats(schema)}
        settings = run.settings.of_stream(stream_name)
        way = run.dispatcher.way_of(find_route(stream_name, settings.model), settings, self.logger)
        way.check_access(stream_name)
        if "custom" in way.rules.written_model.properties:
            run.dispatcher.send_custom_fields()
        custom = run.tenant.custom_fields.of(way.rules.written_model)
        validates, most = run.settings.validate_records, way.most_rows
        kind = WideRows if settings.points else StreamRows
        self._rows: StreamRows | WideRows | PlanRows = (
            PlanRows(declared, way.rules)
            if run.applies_plan
            else kind(declared, way.rules, custom, settings, self.logger, validates=validates, most_at_once=most)
        )
        run.tenant.destination.expect(way.model, self._rows.stream_info.fields)
        self._ledger = run.ledger
        self._sent = run.sent if way.kind.adds_each_time else None
        self._dispatcher = run.dispatcher
        self._channel = run.dispatcher.channels.join(stream_name, self, way)

    # Used by the SDK

    @property
    def key_properties(self) -> Sequence[str]:
        """The keys in the SCHEMA. A record without them is handled here, not by the SDK."""
        return self._keys

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Always False: they are not fields of Planhat."""
        return False

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """Always None: records are checked when rows are built."""
        return None

    @property
    def current_size(self) -> int:
        """Records of the batch, including those of other streams."""
        return len(self._channel.batch)

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached its limit of rows or bytes."""
        return self._channel.batch.is_full

    @property
    def max_size(self) -> int:
        """Rows of a batch at most."""
        return self._channel.way.most_rows

    def _remove_sdc_metadata_from_record(self, record: dict[str, Any]) -> None:
        """Keep these columns, because the schema may require them. The rows do not contain them."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Handle a record that passed through the SDK."""
        del context
        self._add_record(record, self._host.message_for(self.stream_name))

    def process_batch(self, context: dict[str, Any]) -> None:
        """Send the batch."""
        del context
        self._dispatcher.dispatch(self._channel)

    def activate_version(self, new_version: int) -> None:
        """Only log the version: rows of older versions stay in Planhat."""
        self.logger.info("ACTIVATE_VERSION %s: rows of older versions stay in Planhat", new_version)

    # Used by the channel

    def drain(self) -> None:
        """Send the batch."""
        self._host.drain_one(self)

    def count_for_sdk(self) -> None:
        """Count the records for the SDK's metrics that did not pass through the SDK."""
        self.tally_record_read(self._uncounted)
        self.record_counter_metric.increment(self._uncounted)
        self._uncounted = 0

    # Records that do not pass through the SDK

    def add_message(self, message: RecordMessage) -> None:
        """Handle a record as it was read."""
        self._uncounted += 1
        self._add_record(message.record, message)

    def add_messages(self, lines: Sequence[bytes], start: int) -> int:
        """Handle RECORD messages that are still bytes, from a place on. Return how many were handled.

        These may be fewer than there are: a message may need the general path, or the limit for one call is reached.
        """
        made = self._rows.of_messages(lines, start)
        self._uncounted += made.records
        self._add_made(made)
        return made.records

    @property
    def accepts_messages(self) -> bool:
        """Whether rows can be built from messages that are still bytes, one of each."""
        return self._rows.gives_one_row_each

    def rows_of(self, lines: Sequence[bytes], start: int) -> list[Item]:
        """The rows of RECORD messages that are still bytes, from a place on; perhaps fewer than there are, as above.

        Each message gives one row, see `accepts_messages`.
        """
        return self._rows.of_messages(lines, start).items

    def add_rows(self, items: list[Item], lines: int) -> None:
        """Add rows to the batch.

        Args:
            items: The rows.
            lines: Number of input lines, including those that a stream map leaves out.
        """
        self._uncounted += len(items)
        self._add_made(MadeRows(items, lines))

    def refuse_line(self, message: RecordMessage) -> None:
        """Reject a line that should be a record."""
        self._uncounted += 1
        self._refuse(message, self._rows.key_of(message.record), message.fault or "it cannot be read")

    def refuse_unmapped(self, message: RecordMessage, keys: Sequence[str], reason: str) -> None:
        """Reject a record on which a stream map for this sink fails.

        Args:
            message: Its message.
            keys: Names of its keys.
            reason: Why it fails.
        """
        self._uncounted += 1
        self._refuse(message, key_in(message.record, keys), reason)
        if self.is_full:
            self.drain()

    # Rows

    def _add_record(self, record: Mapping[str, Any], message: RecordMessage) -> None:
        """Add a record to the batch, or reject it.

        Args:
            record: The record, after stream maps.
            message: Its message.
        """
        try:
            made = self._rows.of_record(record, message.raw, message.attempt, message.expected, message.column)
        except RefusedRowError as err:
            self._refuse(message, self._rows.key_of(record), str(err))
        else:
            for item in (*made.items, *(item for item, _ in made.known)):
                item.origin = message.stream, message.copy
            self._add_made(made)

    def _refuse(self, message: RecordMessage, match: tuple[str, ...] | None, reason: str) -> None:
        """Reject a record that cannot be sent. The policy on rejects is checked after the batch.

        Args:
            message: Its message.
            match: Its key, if known.
            reason: Why it is rejected.
        """
        item = Item(
            b"{}",
            {},
            match,
            message.raw,
            column=message.column,
            attempt=message.attempt,
            origin=(message.stream, message.copy),
            stream=self._rows.stream_info,
            place="" if match else message.place,
        )
        self._note_read(1, 1)
        self._channel.batch.refuse()
        self._ledger.add(item, Outcome.rejected(reason))

    def _add_made(self, made: MadeRows) -> None:
        """Add what was made of some input lines."""
        self._note_read(len(made.items) + len(made.known), made.records)
        for item, outcome in made.known:
            if outcome.kind.is_reject:
                self._channel.batch.refuse()
            self._ledger.add(item, outcome)
        self._add_to_batch(made.items)

    def _add_to_batch(self, items: list[Item]) -> None:
        """Add rows to the batch. Send the batch when it has no room for the next row."""
        if self._sent is not None:
            for item in items:
                item.after_states = self._sent.states_read
        while items:
            items = self._channel.batch.add(items)
            if items or self.is_full:
                self.drain()

    def _note_read(self, rows: int, lines: int) -> None:
        if rows:
            self._ledger.summary.count_read(self.stream_name, rows)
        self._host.note_counted(lines)


def _without_formats(schema: Mapping[str, Any]) -> dict[str, Json]:
    """The columns of a schema without date formats, at each depth that the SDK checks."""
    return {name: _without_format(column) for name, column in schema.get("properties", {}).items()}


def _without_format(column: Json) -> Json:
    if not isinstance(column, dict):
        # The SDK does not accept the schemas true and false. Records are checked against the declared schema.
        return {}
    branches = {
        name: [_without_format(entry) for entry in column[name]] for name in ("anyOf", "oneOf") if name in column
    }
    return {name: value for name, value in {**column, **branches}.items() if name != "format"}
