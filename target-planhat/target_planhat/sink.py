"""The SDK's sink: takes the records of one stream, has rows made of them and puts those into a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from singer_sdk.sinks import BatchSink

from planhat_api import Outcome
from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.item import Item
from target_planhat.rows.keys import key_in
from target_planhat.rows.routing import find_route
from target_planhat.rows.schema_check import check_key_columns
from target_planhat.rows.stream_rows import DeclaredStream, StreamRows

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
    """What a sink asks of its target, beside what the SDK's sinks ask."""

    run: Run
    announced_stream: str
    """The stream whose SCHEMA is being handled."""

    def drain_one(self, sink: Sink) -> None:
        """Have the batch of a sink sent, and measure it."""

    def message_for(self, made: str) -> RecordMessage:
        """The message whose record goes through the SDK just now, as that of a stream that stream maps make of it."""

    def note_counted(self, number: int) -> None:
        """Note that so many records of the lines at hand are in the books, whatever ends the run from here on."""


class PlanhatSink(BatchSink):
    """The sink of every stream.

    The SDK's validation is off because an invalid record would end the run or stay in the batch; here it is rejected.
    Nothing is read from the SDK's batch context: the batch is the channel's, whichever way records come in.

    Attributes:
        input_stream: The stream in which its records come in.
    """

    def __init__(
        self, target: Target, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Check that the columns of the stream can work.

        Raises:
            SettingsError: They cannot. Nothing of the stream was sent.
            InputError: The schema of the stream is not JSON Schema.
        """
        self._keys = tuple(key_properties or ())
        check_key_columns(stream_name, schema, self._keys)
        super().__init__(target, stream_name, schema, None)
        self._host = cast("Host", target)
        self._uncounted = 0
        run, self.input_stream = self._host.run, self._host.announced_stream
        declared = DeclaredStream.of(stream_name, self.input_stream, self.original_schema, self._keys)
        # The SDK would turn dates into objects by these; what Planhat wants is known from its model.
        self.schema = {**schema, "properties": _without_formats(schema)}
        settings = run.settings.of_stream(stream_name)
        way = run.dispatcher.way_of(find_route(stream_name, settings.model), settings, self.logger)
        way.check_access(stream_name)
        if "custom" in way.rules.written_model.properties:
            run.dispatcher.send_custom_fields()
        custom = run.tenant.custom_fields.of(way.rules.written_model)
        validates, most = run.settings.validate_records, way.most_rows
        self._rows = StreamRows(
            declared, way.rules, custom, settings, self.logger, validates=validates, most_at_once=most
        )
        self._ledger = run.ledger
        self._dispatcher = run.dispatcher
        self._channel = run.dispatcher.channels.join(stream_name, self, way)

    # What the SDK asks for

    @property
    def key_properties(self) -> Sequence[str]:
        """The keys the tap names. Their absence from a record is handled here, not by the SDK."""
        return self._keys

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Never: they are no fields of Planhat."""
        return False

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """None: records are checked when rows are made of them."""
        return None

    @property
    def current_size(self) -> int:
        """Records of the batch, those of other streams included."""
        return len(self._channel.batch)

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached its number of rows or bytes."""
        return self._channel.batch.is_full

    @property
    def max_size(self) -> int:
        """Rows of a batch."""
        return self._channel.way.most_rows

    def _remove_sdc_metadata_from_record(self, record: dict[str, Any]) -> None:
        """Keep them: the schema may require them, and records that do not come through the SDK are checked with them.

        Rows are made without them.
        """

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Take a record that came through the SDK."""
        del context
        self._take(record, self._host.message_for(self.stream_name))

    def process_batch(self, context: dict[str, Any]) -> None:
        """Hand the batch on."""
        del context
        self._dispatcher.dispatch(self._channel)

    def activate_version(self, new_version: int) -> None:
        """Nothing: rows of an older version stay in Planhat."""
        self.logger.info("ACTIVATE_VERSION %s: rows of older versions stay in Planhat", new_version)

    # What the channel asks for

    def drain(self) -> None:
        """Have the batch sent."""
        self._host.drain_one(self)

    def count_for_sdk(self) -> None:
        """Count, for the SDK's metrics, what did not come through it."""
        self.tally_record_read(self._uncounted)
        self.record_counter_metric.increment(self._uncounted)
        self._uncounted = 0

    # Records that do not come through the SDK

    def take_message(self, message: RecordMessage) -> None:
        """Take a record as it came in."""
        self._uncounted += 1
        self._take(message.record, message)

    def take_messages(self, lines: Sequence[bytes], start: int) -> int:
        """Take RECORD messages that are still bytes, from a place on; the number taken.

        It may be less than there are, because a message must be looked at by itself or because enough were taken at
        once.
        """
        items = self.rows_of(lines, start)
        self.take_rows(items, len(items))
        return len(items)

    @property
    def takes_messages(self) -> bool:
        """Whether rows can be made of messages that are still bytes."""
        return self._rows.takes_messages

    def rows_of(self, lines: Sequence[bytes], start: int) -> list[Item]:
        """The rows of RECORD messages that are still bytes, from a place on; fewer than there are as above."""
        return self._rows.of_messages(lines, start)

    def take_rows(self, items: list[Item], lines: int) -> None:
        """Make rows part of the batch.

        Args:
            items: The rows.
            lines: How many lines of the input they came in, with those that a stream map leaves out.
        """
        self._uncounted += len(items)
        self._add(items, lines)

    def refuse_line(self, message: RecordMessage) -> None:
        """Reject a line that was meant to be a record."""
        self._uncounted += 1
        self._refuse(message, self._rows.key_of(message.record), message.fault or "it cannot be read")

    def refuse_unmapped(self, message: RecordMessage, keys: Sequence[str], reason: str) -> None:
        """Reject a record out of which a stream map makes none for this sink.

        Args:
            message: Its message.
            keys: Its keys.
            reason: Why.
        """
        self._uncounted += 1
        self._refuse(message, key_in(message.record, keys), reason)
        if self.is_full:
            self.drain()

    # Rows

    def _take(self, record: Mapping[str, Any], message: RecordMessage) -> None:
        """Make a record part of the batch, or reject it.

        Args:
            record: The record, as stream maps make it.
            message: The message that brought it.
        """
        try:
            item = self._rows.of_record(record, message.raw, message.attempt)
        except RefusedRowError as err:
            self._refuse(message, self._rows.key_of(record), str(err))
        else:
            item.origin = message.stream, message.copy
            self._add([item], 1)

    def _refuse(self, message: RecordMessage, match: tuple[str, ...] | None, reason: str) -> None:
        """Reject a record before it is sent. The policy is asked when the batch is out.

        Args:
            message: The message that brought it.
            match: What identifies it, if known.
            reason: Why.
        """
        item = Item(
            b"{}",
            {},
            match,
            message.raw,
            attempt=message.attempt,
            origin=(message.stream, message.copy),
            stream=self._rows.facts,
            place="" if match else message.place,
        )
        self._note_taken(1, 1)
        self._channel.batch.refuse()
        self._ledger.enter(item, Outcome.rejected(reason))

    def _add(self, items: list[Item], lines: int) -> None:
        """Make rows, which came in so many lines, part of the batch; send it when the next row has no room in it."""
        self._note_taken(len(items), lines)
        while items:
            items = self._channel.batch.add(items)
            if items or self.is_full:
                self.drain()

    def _note_taken(self, rows: int, lines: int) -> None:
        if rows:
            self._ledger.summary.take(self.stream_name, rows)
        self._host.note_counted(lines)


def _without_formats(schema: Mapping[str, Any]) -> dict[str, Json]:
    """The columns of a schema without date formats at any depth the SDK looks at."""
    return {name: _without_format(column) for name, column in schema.get("properties", {}).items()}


def _without_format(column: Json) -> Json:
    if not isinstance(column, dict):
        # A schema of true or false alone: the SDK takes none, and records are checked against the declared one.
        return {}
    branches = {
        name: [_without_format(entry) for entry in column[name]] for name in ("anyOf", "oneOf") if name in column
    }
    return {name: value for name, value in {**column, **branches}.items() if name != "format"}
